"""A page in which one wanders through a mosaic: one HTML file, or with files beside it."""

from renderer.explore.page import write_page as write_page
