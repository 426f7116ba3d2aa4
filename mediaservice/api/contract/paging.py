"""Lists: from query options to a page with its continuation."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import Request

from mediaservice.model.query import Query, Queryable, QueryError, parse_filter, parse_order, parse_top

if TYPE_CHECKING:
    from mediaservice.store.tables.listing import Page

FILTER, ORDER, TOP, SKIP_TOKEN = "$filter", "$orderby", "$top", "$skiptoken"


def query_of(request: Request, queryable: Queryable, *, top: bool = False) -> Query:
    """Parse a list's query options. Raises QueryError."""
    options = request.query_params
    allowed = {FILTER, ORDER, SKIP_TOKEN} | ({TOP} if top else set())
    if unknown := next((name for name in options if name.startswith("$") and name not in allowed), None):
        raise QueryError(f"{unknown} is not supported; allowed are {', '.join(sorted(allowed))}")
    query = Query(parse_filter(options.get(FILTER), queryable), parse_order(options.get(ORDER), queryable))
    if top:
        query = replace(query, limit=parse_top(options.get(TOP)))
    if token := options.get(SKIP_TOKEN):
        try:
            return replace(query, after=base64.urlsafe_b64decode(token).decode())
        except (binascii.Error, ValueError):
            raise QueryError("$skiptoken is not one that this service gave") from None
    return query


def collection[T](
    request: Request, query: Query, page: "Page[T]", render: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """Return the page's body. `@odata.nextLink` is present while more entries follow, with the rest of $top."""
    answer: dict[str, Any] = {"value": [render(value) for value in page.values]}
    left = query.limit - len(page.values) if query.limit else None
    if page.after and left != 0:
        options = dict(request.query_params)
        options[SKIP_TOKEN] = base64.urlsafe_b64encode(page.after.encode()).decode()
        if left:
            options[TOP] = str(left)
        answer["@odata.nextLink"] = f"https://{request.headers['host']}{request.url.path}?{urlencode(options)}"
    return answer
