"""Job events on their way to Event Grid, stored with the change that causes them and published afterwards.

An event is a row in the transaction that changes its job (the outbox), so neither exists without the other. The
process that wrote the row publishes it, then deletes it. Rows that a crash or an unreachable topic leaves behind are
published later by the API. Each event is therefore delivered at least once; its id marks a repetition.
"""
