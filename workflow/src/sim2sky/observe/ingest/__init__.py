"""Real images: lists of them, the formats of the surveys, and how each is brought to the frame of a network.

A module that registers formats is imported here.
"""

from sim2sky.observe.ingest import surveys
from sim2sky.observe.ingest.entries import INGEST_FLAGS, Entries, Entry, Frame, Ingested
from sim2sky.observe.ingest.lists import list_images
from sim2sky.observe.ingest.read import read_image
from sim2sky.observe.ingest.registry import list_surveys, register_survey
from sim2sky.observe.ingest.write import read_images, write_image_shard

__all__ = [
    "INGEST_FLAGS",
    "Entries",
    "Entry",
    "Frame",
    "Ingested",
    "list_images",
    "list_surveys",
    "read_image",
    "read_images",
    "register_survey",
    "surveys",
    "write_image_shard",
]
