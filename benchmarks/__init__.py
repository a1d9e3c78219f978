"""Measurements of Gazette against its peers; nothing of it is installed with the service."""
