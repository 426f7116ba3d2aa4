"""Texts with the signature of a SAS address, which the service's and the function's masks must hide.

The two deployables share no code, so each has a mask of its own. `tests/test_contracts.py` runs this table against
both.
"""

from urllib.parse import quote

SIGNATURE = "aB3%2Fc%2Bd%3D"
LINK = f"https://lake1.blob.core.windows.net/raw/a.mp4?sv=2026&sr=b&sp=r&sig={SIGNATURE}&se=2026-11-24"
BARE = LINK.replace(SIGNATURE, "***")
# Name → text, and the same text masked.
CASES = {
    "a link": (LINK, BARE),
    "in a sentence": (f"cannot read {LINK}, try again", f"cannot read {BARE}, try again"),
    "at the end of a link": (f"https://h/c/b?sig={SIGNATURE}", "https://h/c/b?sig=***"),
    "first in a query": (f"?sig={SIGNATURE}&se=2", "?sig=***&se=2"),
    "in capitals": (f"https://h/c/b?SIG={SIGNATURE}&SE=2", "https://h/c/b?SIG=***&SE=2"),
    "twice": (f"{LINK} {LINK}", f"{BARE} {BARE}"),
    "in JSON": (f'{{"files": ["{LINK}"]}}', f'{{"files": ["{BARE}"]}}'),
    "in JSON within JSON": (rf"{{\"file\": \"{LINK}\"}}", rf"{{\"file\": \"{BARE}\"}}"),
    "in quotation marks": (f"reading '{LINK}' failed", f"reading '{BARE}' failed"),
    "in a tag": (f"<Source>{LINK}</Source>", f"<Source>{BARE}</Source>"),
    "nothing to hide": ("design=1&signed=2", "design=1&signed=2"),
}
# In encoded addresses the end of the value is unclear, so the rest may be masked as well.
ENCODED = {
    "encoded once": f"bad input {quote(LINK, safe='')} refused",
    "encoded twice": f"bad input {quote(quote(LINK, safe=''), safe='')} refused",
}
