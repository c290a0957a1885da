"""The one package that sees the C core (mda._core): parsing, and the antispam half's features, scores and learning.

What it gives is plain bytes and numbers: nothing of CFFI leaves it. Malformed mail never raises (see
`Examination.defects`); InvalidValue says that a message is larger than its limit or an argument is senseless,
MemoryError that there was no memory.

    brief         what a delivery asks of a message and its score
    reader        the same, by another thread before the message is here
    examination   everything that one parse finds, with the score
    viewer        what a person reads, fast; the part table alone
    view_context  the text of one field value, with few imports
    decoding      transfer encodings and HTML, without a parse
    spam_model    weights                     learner   features, learning
    spam_score    what they say of a message
    personal      views of messages, what a user's marks make
    campaigns     near copies, counted
    layouts       the C tables' layouts       status    errors, limits, copies

A name's module is imported when the name is asked for: a listing that decodes subjects needs one of them, and all
take as long to import as the listing may.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.binding.brief import Brief, Found, brief_of, brief_of_found
    from mda.binding.campaigns import Campaign, CampaignTable, campaign_features
    from mda.binding.contributions import contributions_of
    from mda.binding.decoding import decode_transfer, html_text
    from mda.binding.examination import Examination, examine
    from mda.binding.layouts import ADDRESS, DEFAULT_LIMITS, HEADER, NONE, PARAMETER, PART, Limits
    from mda.binding.learner import Learner, features
    from mda.binding.personal import (
        PERSONAL_FEATURES,
        VIEW_FEATURES,
        LearnedMark,
        PersonalWeights,
        correct,
        learn_marks,
        view,
        view_add,
        view_margin,
    )
    from mda.binding.reader import Reader
    from mda.binding.spam_model import Model
    from mda.binding.spam_score import FEATURE_VERSION, TOP_CONTRIBUTIONS, SpamScore
    from mda.binding.view_context import header_text
    from mda.binding.viewer import (
        WANT_FIELDS,
        WANT_VIEW,
        Viewer,
    )

__all__ = [
    "ADDRESS",
    "DEFAULT_LIMITS",
    "FEATURE_VERSION",
    "HEADER",
    "NONE",
    "PARAMETER",
    "PART",
    "PERSONAL_FEATURES",
    "TOP_CONTRIBUTIONS",
    "VIEW_FEATURES",
    "WANT_FIELDS",
    "WANT_VIEW",
    "Brief",
    "Campaign",
    "CampaignTable",
    "Examination",
    "Found",
    "LearnedMark",
    "Learner",
    "Limits",
    "Model",
    "PersonalWeights",
    "Reader",
    "SpamScore",
    "Viewer",
    "brief_of",
    "brief_of_found",
    "campaign_features",
    "contributions_of",
    "correct",
    "decode_transfer",
    "examine",
    "features",
    "header_text",
    "html_text",
    "learn_marks",
    "view",
    "view_add",
    "view_margin",
]

_OFFERS = {
    "brief": ("Brief", "Found", "brief_of", "brief_of_found"),
    "campaigns": ("Campaign", "CampaignTable", "campaign_features"),
    "contributions": ("contributions_of",),
    "decoding": ("decode_transfer", "html_text"),
    "examination": ("Examination", "examine"),
    "layouts": ("ADDRESS", "DEFAULT_LIMITS", "HEADER", "Limits", "NONE", "PARAMETER", "PART"),
    "learner": ("Learner", "features"),
    "personal": (
        "LearnedMark",
        "PERSONAL_FEATURES",
        "PersonalWeights",
        "VIEW_FEATURES",
        "correct",
        "learn_marks",
        "view",
        "view_add",
        "view_margin",
    ),
    "reader": ("Reader",),
    "spam_model": ("Model",),
    "spam_score": ("FEATURE_VERSION", "SpamScore", "TOP_CONTRIBUTIONS"),
    "view_context": ("header_text",),
    "viewer": ("Viewer", "WANT_FIELDS", "WANT_VIEW"),
}
_MODULES = {name: module for module, names in _OFFERS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found
