"""The graph made real on this machine, as Azure does between `pulumi up` and the first upload."""

import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from azure.storage.queue import QueueClient

from local.events.blob_watcher import BlobWatcher
from local.events.endpoint import CustomTopic
from local.events.handshake import Handshakes
from local.events.topic import Listener, Topic
from local.graph.program import Graph, Stack, read_stack, run_program
from local.host import certificates, data_folder, interrupts, processes
from local.host.environment import changed_environment
from local.host.scratch import scratch_folder
from local.resources.addresses import LocalAddresses
from local.resources.identities import event_senders, grant_media_roles, process_environment, register_identities
from local.resources.media_service import HIDDEN_QUEUES, HIDDEN_TABLES, MediaService, declared_media_service
from local.resources.packages import take_package, upload_packages
from local.resources.storage import account_names, make_queue, make_storage, make_table
from local.resources.subscriptions import Subscriptions
from local.services import azurite as emulator
from local.services.azurite import Azurite
from local.services.entra import Entra
from local.services.function_app import FunctionApp
from local.services.scaler import Scaler
from local.services.timers import Timers

PROGRAM = Path(__file__).parent.parent
API_START_SECONDS = 60.0
_RESOURCE_MANAGER = "resource-manager"

type OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """Options of the local cloud.

    `data` is a folder that keeps uploads, jobs and results; without it they end with the run. `changes` override the
    stack's configuration. At most `workers` workers run at a time, even if the graph allows more. People may sign in to
    the pages at the addresses `pages`.
    """

    stack: str = "dev"
    data: Path | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    pages: tuple[str, ...] = ()
    program: Path = PROGRAM


class Cloud:
    """The running local cloud, a context manager. No process that it starts outlives it.

    `on_step` receives the name of each step of the start, `on_event` each notice about an upload's event, and
    `on_job_event` each about a job's. Raises ProgramError, processes.ProcessError, azurite.AzuriteInstallError and
    handshake.HandshakeError.
    """

    graph: Graph
    stack: Stack
    media: MediaService
    media_url: str
    azurite: Azurite
    entra: Entra
    trust: certificates.Certificates
    topic: Topic
    logs: Path

    def __init__(
        self,
        options: Options,
        *,
        on_step: OnStep = lambda _: None,
        on_event: Listener = lambda _: None,
        on_job_event: Listener = lambda _: None,
    ) -> None:
        self.options, self._on_step = options, on_step
        self._on_event, self._on_job_event = on_event, on_job_event
        self._life = ExitStack()
        self._processes: list[processes.Process] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        with interrupts.deferred():  # a second Ctrl-C would leave processes that the first has not ended yet
            self._life.close()

    @property
    def publishes_job_events(self) -> bool:
        """True if the stack's media service publishes its jobs' events to a topic of the graph."""
        return bool(self.graph.of("eventgrid:Topic"))

    def memory(self) -> int:
        """Resident bytes of all running child processes."""
        return sum(process.memory() for process in [*self._processes, *self._scaler.running])

    def _start(self) -> None:
        self._folder = self._life.enter_context(scratch_folder())
        self._data = self.options.data and self.options.data.resolve()
        if self._data:
            self._life.enter_context(data_folder.held(self._data))
        self.logs = (self._data or self._folder) / "logs"
        self.trust = certificates.issue(self._folder / "tls")
        self._life.enter_context(changed_environment(self.trust.environment))  # this process's own clients trust it too
        self._platform = {**self.trust.environment, "PATH": os.defpath, "TMPDIR": str(self._folder)}
        self.entra = self._life.enter_context(Entra(self.trust, tenant_id=_TENANT_ID))
        ports = emulator.choose_ports(self._data and self._data / "azurite")
        addresses = LocalAddresses(ports, self.trust, self._life)
        self._step(f"Running the program's stack {self.options.stack}")
        self._run_program(addresses)
        self._step("Starting storage")
        self._start_storage(ports)
        self._step("Starting the media service and the function")
        api = self._start_api(addresses)
        self._start_function()  # while the API loads
        subscriptions = Subscriptions(
            self.graph, self._function, self.azurite, self.entra, self._life.enter_context(Handshakes(self.trust))
        )
        self._start_job_events(addresses, subscriptions)
        self._await_api(api)
        self._start_workers()
        self._start_upload_events(subscriptions)
        self._life.enter_context(Timers(self._function))
        interrupts.ours.check()

    def _step(self, text: str) -> None:
        interrupts.ours.check()
        self._on_step(text)

    def _run_program(self, addresses: LocalAddresses) -> None:
        options = self.options
        changes = {**options.changes, "authority": self.entra.authority}
        if read_stack(options.program, options.stack, options.changes).setting("engine") == "azure":
            changes["resourceManager"] = f"https://{addresses.container_app(_RESOURCE_MANAGER)}"
        self.stack = read_stack(options.program, options.stack, changes)
        self.graph = run_program(
            options.program,
            self.stack,
            tenant_id=self.entra.tenant_id,
            deployer_id=self.entra.developer_id,
            addresses=addresses,
        )
        register_identities(self.graph, self.entra)
        self.media = declared_media_service(self.graph, self.stack, self.entra, self._platform)
        grant_media_roles(self.graph, self.entra, self.media.audience)

    def _start_storage(self, ports: Mapping[str, int]) -> None:
        self.azurite = self._life.enter_context(
            Azurite(
                account_names(self.graph),
                self.trust,
                log=self.logs / "azurite.log",
                data=self._data and self._data / "azurite",
                ports=ports,
            )
        )
        self._processes.append(self.azurite.process)
        make_storage(self.graph, self.azurite)
        if self.graph.of("media:MediaService"):
            for queue in HIDDEN_QUEUES:
                make_queue(self.azurite, self.media.storage_account, queue)
            for table in HIDDEN_TABLES:
                make_table(self.azurite, self.media.storage_account, table)

    def _start_api(self, addresses: LocalAddresses) -> processes.Process:
        ((app, port),) = addresses.backends.items()
        self.media_url = addresses.urls[app]
        api = self._life.enter_context(
            processes.start(
                "The media service's API",
                self.media.api_command,
                environment={**self.media.api_environment, "HOST": "127.0.0.1", "PORT": str(port)},
                log=self.logs / "api.log",
                folder=self.options.program,
            )
        )
        self._processes.append(api)
        return api

    def _await_api(self, api: processes.Process) -> None:
        with httpx.Client(verify=self.trust.client_context, trust_env=False) as client:
            api.until(lambda: _answers(client, f"{self.media_url}/healthz"), API_START_SECONDS)

    def _start_function(self) -> None:
        site = self.graph.one("web:WebApp")
        settings = {each["name"]: each["value"] for each in site.inputs["siteConfig"]["appSettings"]}
        deployer = str(uuid.uuid4())
        self.entra.register(deployer, self.entra.developer_id)
        login = {**self.entra.deployer_environment(deployer), **self.trust.environment}
        links = upload_packages(self.graph, self.options.program, login)
        package = self._folder / "function"
        take_package(self.graph, site.state["name"], package, links)
        environment = process_environment(settings, self.graph, site, self.entra, self._platform)
        self._function = self._life.enter_context(FunctionApp(package, environment, log=self.logs / "function.log"))
        self._processes.append(self._function.process)

    def _start_workers(self) -> None:
        def start(name: str) -> processes.Process:
            return processes.start(
                name,
                self.media.worker_command,
                environment=self.media.worker_environment,
                log=self.logs / "workers.log",
                folder=self.options.program,
            )

        rule = self.media.scale
        queue = self._life.enter_context(
            QueueClient(
                self.azurite.endpoints[rule.account].queue,
                rule.queue,
                credential=self.azurite.account_key(rule.account),
            )
        )
        self._scaler = self._life.enter_context(Scaler(rule, queue, start, cap=self.options.workers))

    def _start_job_events(self, addresses: LocalAddresses, subscriptions: Subscriptions) -> None:
        for declared in self.graph.of("eventgrid:Topic"):
            topic = Topic(
                subscriptions.of(declared),
                state=self._data and self._data / "events" / declared.name,
                listener=self._on_job_event,
            )
            publish = self._life.enter_context(topic).publish
            senders = event_senders(self.graph, declared)
            endpoint = addresses.topics[declared.state["name"]]
            self._life.enter_context(endpoint.serving(CustomTopic(declared.id, senders, self.entra, publish)))

    def _start_upload_events(self, subscriptions: Subscriptions) -> None:
        declared = self.graph.one("eventgrid:SystemTopic")
        lake = self.graph.by_id(declared.inputs["source"])
        state = self._data and self._data / "events"
        self.topic = self._life.enter_context(
            Topic(
                subscriptions.of(declared),
                state=state,
                listener=self._on_event,
            )
        )
        account = lake.state["name"]
        self._life.enter_context(
            BlobWatcher(
                lake.id,
                self.azurite.endpoints[account].blob,
                self.azurite.account_key(account),
                self.topic.publish,
                state=state,
            )
        )


# The same in every run, since kept data holds ids that are derived from it.
_TENANT_ID = "00000000-0000-0000-0000-0000000000aa"


def _answers(client: httpx.Client, url: str) -> bool | None:
    try:
        return client.get(url).is_success or None
    except httpx.TransportError:
        return None
