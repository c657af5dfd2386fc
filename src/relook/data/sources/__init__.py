"""Sources of images: folders, patterns, archives, videos, cameras, addresses, standard input.

`finding` lists what sources mean, `stored` says what an image is that is no file of its own, and
`signatures` tells kinds of files by their first bytes.
"""
