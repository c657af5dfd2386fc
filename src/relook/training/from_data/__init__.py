"""From a folder or file of annotated images to the data of a training, by stated rules."""
