"""What MkDocs calls while it builds the site (`mkdocs.yml`)."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from docs.handbook.finish import breakable, in_language, language_of
from docs.handbook.links import TOP, as_page, for_site, place_of, source_of, targets
from docs.handbook.navigation import UNLISTED, navigation

ROOT = Path(__file__).parents[2]
_ASSETS = {"assets/icon.svg": "web/pages/static/icon.svg", "assets/site.css": "docs/handbook/static/site.css"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents at the top of the repository and what documents link to; order the pages."""
    for path, place in TOP.items():
        if (ROOT / path).exists():
            files.append(_text(config, place, (ROOT / path).read_text(encoding="utf-8")))
    for path in _linked_outside(files):
        page = as_page(ROOT / path, path)
        files.append(_text(config, place_of(path), page, InclusionLevel.NOT_IN_NAV))
    for place, path in _ASSETS.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = navigation(pages)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to their targets' places in the site."""
    place = page.file.src_uri
    if place.startswith(UNLISTED):
        return markdown
    return for_site(markdown, source_of(place), lambda path: (ROOT / path).exists())


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Finish a page; what is searched does not see it."""
    place = page.file.src_uri
    return output if place.startswith(UNLISTED) else breakable(in_language(output, language_of(place)))


def _text(
    config: MkDocsConfig, place: str, text: str, inclusion: InclusionLevel = InclusionLevel.INCLUDED
) -> File:
    return File.generated(config, place, content=text, inclusion=inclusion)


def _linked_outside(files: Files) -> list[str]:
    """Give the files of the repository outside of the documents that documents link to."""
    found: set[str] = set()
    for page in files.documentation_pages():
        path = source_of(page.src_uri)
        found.update(targets(page.content_string, path))
    outside = (each for each in found if each not in TOP and not each.startswith(("docs/", "..")))
    return sorted(each for each in outside if (ROOT / each).exists())
