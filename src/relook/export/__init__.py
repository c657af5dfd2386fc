"""Models as files for other programs: an ONNX file is written, checked, and run."""
