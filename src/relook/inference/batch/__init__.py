"""Predicting whole folders: sources, shares of processes, the journal, files of results."""
