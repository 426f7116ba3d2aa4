"""The graph's event subscriptions, with their local destinations and dead letters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from local.events.dead_letters import DeadLetterDestination, DeadLetters
from local.events.delivery import RetryPolicyError
from local.events.filter import FilterError
from local.events.handshake import Handshakes
from local.events.topic import Subscription, SubscriptionError
from local.graph.program import Graph, ProgramError, Resource
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.function_app import FunctionApp

KINDS = {
    "eventgrid:EventSubscription",
    "eventgrid:SystemTopicEventSubscription",
    "eventgrid:TopicEventSubscription",
}


@dataclass(frozen=True)
class Subscriptions:
    """The subscriptions of any topic. `of` raises ProgramError for one that the local cloud cannot provide."""

    graph: Graph
    function: FunctionApp
    azurite: Azurite
    entra: Entra
    handshakes: Handshakes

    def of(self, topic: Resource) -> list[Subscription]:
        """Return the subscriptions of `topic`, whichever resource type declares them."""
        return [
            self._made(each)
            for each in self.graph.resources
            if each.kind in KINDS and each.id.lower().startswith(f"{topic.id}/".lower())
        ]

    def _made(self, declared: Resource) -> Subscription:
        dead_letters = DeadLetterDestination.declared(declared.inputs)
        try:
            return Subscription.declared(
                declared.inputs,
                endpoint=self._endpoint(declared),
                handshake=self._handshake(declared),
                dead_letters=self._dead_letters(dead_letters) if dead_letters else None,
            )
        except (SubscriptionError, FilterError, RetryPolicyError) as error:
            raise ProgramError(f"the subscription {declared.name}: {error}") from None

    def _endpoint(self, declared: Resource) -> str:
        destination = declared.inputs["destination"]
        match destination["endpointType"]:
            case "AzureFunction":
                return self._function(declared.name, destination["resourceId"])
            case "WebHook":
                return str(destination["endpointUrl"])
            case other:
                raise SubscriptionError(f"its destination is {other}; allowed here are AzureFunction and WebHook")

    def _handshake(self, declared: Resource) -> Callable[[Callable[[], None]], None] | None:
        """Return the handshake of a web hook. Azure's own resources need none."""
        destination = declared.inputs["destination"]
        if destination["endpointType"] != "WebHook":
            return None
        topic = declared.id.lower().partition("/eventsubscriptions/")[0].removesuffix("/providers/microsoft.eventgrid")
        return partial(
            self.handshakes.begin,
            declared.id[: len(topic)],
            declared.inputs["eventSubscriptionName"],
            str(destination["endpointUrl"]),
        )

    def _function(self, subscription: str, function_id: str) -> str:
        app_id, _, function = function_id.rpartition("/functions/")
        self.graph.by_id(app_id)
        if function not in {each.name for each in self.function.functions}:
            found = ", ".join(each.name for each in self.function.functions) or "none"
            raise ProgramError(
                f"the subscription {subscription} delivers to {function}, which the package does not have "
                f"(it has {found}){': ' + self.function.error if self.function.error else ''}"
            )
        return self.function.endpoint(function)

    def _dead_letters(self, destination: DeadLetterDestination) -> DeadLetters:
        account = self.graph.by_id(destination.storage_id).state["name"]
        return DeadLetters(self.azurite.endpoints[account].blob, destination.container, self.entra.credential())
