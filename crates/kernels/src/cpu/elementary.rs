//! What exponentials, logarithms and the error function need to know of an element type: its digits, and polynomials that fit them.

/// What the functions need to know of an element type.
pub trait Elementary: Sized + 'static {
    /// Added and taken away again, it rounds to a whole number: 1.5 times two to the digits of the mantissa.
    const ROUND: Self;
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// ln 2 in two parts, the first with so many zeros at its end that its multiples by exponents are exact.
    const LN_2: [Self; 2];
    /// Beyond these `exp` is zero and infinity.
    const EXP_RANGE: [Self; 2];
    /// Below this `exp` is less than half a unit of rounding of one.
    const NEGLIGIBLE: Self;
    /// `(exp(r) - 1 - r) / r^2` for |r| <= ln 2 / 2 by powers of r.
    const EXP: &'static [Self];
    /// `(2 artanh(s) / s - 2) / s^2` for |s| <= (sqrt 2 - 1) / (sqrt 2 + 1) by powers of s^2.
    const LN: &'static [Self];
    /// `erf(x) / x - 1` for |x| <= 0.9 by powers of x^2.
    const ERF: &'static [Self];
    /// `e^(x^2) (1 - erf(x))` for x from 0.9 to where erf rounds to one, by powers of (x - 2) / (x + 2).
    const ERF_FAR: &'static [Self];

    /// `e^(x^2) (1 - erf(x))` for x from 0.9 to [`Elementary::ERFC_LIMIT`], by powers of (x - 2) / (x + 2).
    const ERFC: &'static [Self];
    /// From here on `e^(-x^2)` is zero.
    const ERFC_LIMIT: Self;

    /// Two to a whole number that is the exponent of a normal value.
    fn power_of_two(k: Self) -> Self;

    /// `(k, m)` with `x = 2^k m` and m from sqrt(1/2) to sqrt(2), for finite x > 0.
    fn split(x: Self) -> (Self, Self);
}

macro_rules! elementary {
    ($t:ident, $bits:ident, $range:expr, $negligible:expr, $ln_2:expr, $exp:expr, $ln:expr, $erf:expr, $erfc:expr) => {
        impl Elementary for $t {
            const ROUND: Self = 1.5 / $t::EPSILON;
            const LOG2_E: Self = std::$t::consts::LOG2_E;
            const LN_2: [Self; 2] = $ln_2;
            const EXP_RANGE: [Self; 2] = $range;
            const NEGLIGIBLE: Self = $negligible;
            const EXP: &'static [Self] = &$exp;
            const LN: &'static [Self] = &$ln;
            const ERF: &'static [Self] = &$erf.0;
            const ERF_FAR: &'static [Self] = &$erf.1;
            const ERFC: &'static [Self] = &$erfc.0;
            const ERFC_LIMIT: Self = $erfc.1;

            #[inline(always)]
            fn power_of_two(k: Self) -> Self {
                const BIAS: $t = ($t::MAX_EXP - 1) as $t;
                $t::from_bits((k + (Self::ROUND + BIAS)).to_bits() << ($t::MANTISSA_DIGITS - 1))
            }

            #[inline(always)]
            fn split(x: Self) -> (Self, Self) {
                const DIGITS: u32 = $t::MANTISSA_DIGITS - 1;
                const LEAST: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits();
                const WHOLE: $t = 1.0 / $t::EPSILON;
                const LIFT: $t = (1u64 << $t::MANTISSA_DIGITS) as $t;
                let subnormal = x < $t::MIN_POSITIVE;
                let larger = x * LIFT;
                let x = if subnormal { larger } else { x };
                let lifted = if subnormal { $t::MANTISSA_DIGITS as $t } else { 0.0 };
                let bits = x.to_bits().wrapping_add((1.0 as $t).to_bits() - LEAST);
                let k = $t::from_bits((bits >> DIGITS) | WHOLE.to_bits()) - (WHOLE + ($t::MAX_EXP - 1) as $t);
                let m = $t::from_bits((bits & ((1 << DIGITS) - 1)).wrapping_add(LEAST));
                (k - lifted, m)
            }
        }
    };
}

elementary!(
    f32,
    u32,
    [-104.0, 89.0],
    -20.0,
    [6.931_457_5e-1, 1.428_606_8e-6],
    [0.5, 1.666_666_7e-1, 4.166_646_3e-2, 8.333_310_5e-3, 1.393_368_6e-3, 1.989_103e-4],
    [6.666_667e-1, 4.000_012_3e-1, 2.855_081_6e-1, 2.333_058_3e-1],
    (
        [0.12837917, -0.37612635, 0.11283718, -0.026860666, 0.005204227, -0.0008179632, 8.5294014e-05],
        [
            0.25539568,
            -0.42718586,
            0.2416582,
            -0.0789784,
            0.0037326175,
            0.0069925324,
            -0.00084367534,
            -0.00093184254,
            3.314661e-05
        ]
    ),
    (
        [
            0.25539568,
            -0.42718583,
            0.24165818,
            -0.07897863,
            0.0037335004,
            0.0069979783,
            -0.00085497694,
            -0.0009796238,
            7.988226e-5,
            0.00013734061
        ],
        10.3
    )
);
elementary!(
    f64,
    u64,
    [-746.0, 710.0],
    -40.0,
    [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10],
    [
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326112,
        0.001388888888888373,
        0.0001984126987490126,
        2.4801587325605324e-5,
        2.7557255297969643e-6,
        2.755727357010214e-7,
        2.5105259538448494e-8,
        2.0914717341716378e-9,
    ],
    [
        0.666666666666667,
        0.39999999999899444,
        0.2857142862600327,
        0.22222211130259878,
        0.18182889455674947,
        0.15331710618210773,
        0.14616585424888623,
    ],
    (
        [
            0.1283791670955126,
            -0.3761263890318373,
            0.11283791670953794,
            -0.02686617064482373,
            0.0052239776217703725,
            -0.0008548326764466543,
            0.00012055321382481122,
            -1.492530753550859e-05,
            1.6455328747938096e-06,
            -1.6276526722586205e-07,
            1.4051482766989913e-08,
            -8.493998797080943e-10
        ],
        [
            0.25539567631050575,
            -0.4271858474139584,
            0.2416581942424664,
            -0.07897858101573163,
            0.003732892404337698,
            0.006997461739159371,
            -0.0008471432515171128,
            -0.0009819770248075037,
            4.355562000747665e-05,
            0.00017436111949716246,
            2.7525189995675834e-05,
            -2.7579104957707786e-05,
            -1.3965505239753718e-05,
            1.384978788971992e-06,
            3.778801838120211e-06,
            1.2201604519215208e-06,
            -5.296127629574837e-07,
            -5.17941414570529e-07,
            7.379802720568767e-08
        ]
    ),
    (
        [
            0.25539567631050575,
            -0.4271858474139584,
            0.24165819424246657,
            -0.07897858101573073,
            0.0037328924043132346,
            0.006997461739126623,
            -0.000847143250106327,
            -0.0009819770261811245,
            4.355557969219072e-5,
            0.00017436122598085384,
            2.7525769259709638e-5,
            -2.7581647368906798e-5,
            -1.3968690930197994e-5,
            1.4136863250508639e-6,
            3.765140045954937e-6,
            1.0708228488738403e-6,
            -2.914924492568023e-7,
            -3.1267101713758816e-7,
            -6.936185750981908e-7,
            5.656836270779481e-7,
            -6.103352607939419e-8,
            -2.474489217179676e-8
        ],
        27.4
    )
);
