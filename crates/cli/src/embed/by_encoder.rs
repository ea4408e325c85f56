//! Features of a folder of pictures by an encoder that others trained.

use std::path::Path;
use std::sync::Arc;

use fewshot_episodes::{ClassId, FeatureParts, FeatureSet, folder};

use crate::embed::{EmbedArgs, written};
use crate::encoding::{Encoding, all_vectors};
use crate::error::Error;
use crate::loaded;
use crate::on_threads;
use crate::pictures::remarks;
use crate::places::{Data, Split};

/// Embeds the pictures, and divides their classes.
pub fn run(args: &EmbedArgs) -> Result<(), Error> {
    let data = args.data.as_ref().expect("asked for where there is no run");
    let Data::Folder(path) = data else {
        let cause =
            "encoders that others trained are for pictures in class folders; give folder:PATH, or a run";
        return Err(Error::option("data", data, cause));
    };
    let encoding = Encoding::open(&args.encoder)?;
    let listed = folder::list(path)?;
    remarks(path, listed.layout.as_deref(), &listed.passed_over);
    let images = listed.placeholders();
    let split = match (args.split.as_ref().unwrap_or(&Split::Own), &listed.split) {
        (Split::Own, Some(own)) => own.clone(),
        (asked, _) => loaded::split(&images, data, asked)?,
    };
    let part = |ids: &[ClassId]| features(&encoding, &listed.classes, ids).map(Arc::new);
    let parts = on_threads(args.threads, || {
        Ok([part(split.train())?, part(split.validation())?, part(split.test())?])
    })?;
    let [train, validation, test] = parts;
    written(args, FeatureParts { train, validation, test })
}

fn features(encoding: &Encoding, classes: &[folder::Class], ids: &[ClassId]) -> Result<FeatureSet, Error> {
    let chosen: Vec<&folder::Class> = ids.iter().map(|id| &classes[id.class]).collect();
    let files: Vec<&Path> =
        chosen.iter().flat_map(|class| class.files.iter().map(|file| file.as_path())).collect();
    let mut rows = all_vectors(encoding, &files)?.into_iter();
    let of_class = |class: &&folder::Class| {
        (class.name.clone(), rows.by_ref().take(class.files.len()).collect::<Vec<_>>().concat())
    };
    Ok(FeatureSet::new(encoding.width(), chosen.iter().map(of_class).collect()))
}
