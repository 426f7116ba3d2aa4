"""What jobs tell the world: Event Grid events, written with the change that they tell of and published afterwards.

An event is a row in the transaction that changes its job (the outbox), so there is never one without the other. The
process that wrote it publishes it and then deletes the row; what a crash or an unreachable topic leaves behind, the
API publishes later. So each event comes at least once, and a subscriber knows a repetition by the event's id.
"""
