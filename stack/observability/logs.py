"""The tables and lines of the logs, for queries.

Their columns: learn.microsoft.com, "Azure Monitor Logs table reference".
"""

# The containers' lines, in either of Container Apps' two tables, of which a workspace usually has one.
CONTAINER_LINES = (
    "union isfuzzy=true (ContainerAppConsoleLogs | project TimeGenerated, Log),"
    " (ContainerAppConsoleLogs_CL | project TimeGenerated, Log = Log_s) | extend line = parse_json(Log)"
)
# The function's lines, which go to Application Insights.
FUNCTION_LINES = "AppTraces | extend line = parse_json(Message)"
# The function's failures only, since the media service's requests are in the same table.
FAILED_TRIGGERS = 'AppRequests | where Success == false and AppRoleName !startswith "mediaservice."'


def lines(message: str) -> str:
    """Return a query for the containers' lines with this message."""
    return f'{CONTAINER_LINES} | where line.message == "{message}"'
