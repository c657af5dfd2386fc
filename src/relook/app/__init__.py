"""A server for programs: models that predict the images which requests bring."""
