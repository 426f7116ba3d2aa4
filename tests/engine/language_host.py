"""A substitute for `pulumi-language-python`, the only part of the CLI that no module proxy has.

It starts the CLI's own `pulumi-language-python-exec` in the project's virtual environment, as the real one does.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, override

from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

_SHOWN = 32  # the exit code of a program whose error the engine has already


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs in `environment`. `printed` holds their own output."""

    def __init__(self, executor: Path, environment: Mapping[str, str]) -> None:
        self._executor, self._environment = executor, environment
        self._engine = ""
        self.printed: list[str] = []

    @override
    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    @override
    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    @override
    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(version=platform.python_version())

    @override
    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    @override
    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    @override
    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        return language_pb2.GetProgramDependenciesResponse()

    @override
    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    @override
    def Run(self, request: Any, context: Any) -> Any:
        root = Path(request.info.root_directory)
        command = [str(root / request.info.options["virtualenv"] / "bin/python"), "-u", str(self._executor)]
        command += ["--monitor", request.monitor_address, "--engine", self._engine]
        command += ["--project", request.project, "--stack", request.stack, "--organization", request.organization]
        command += ["--root_directory", str(root), "--pwd", request.pwd]
        command += ["--parallel", str(request.parallel), "--dry_run", str(request.dryRun).lower()]
        command += [str(Path(request.info.program_directory) / request.info.entry_point)]
        environment = {
            **os.environ,
            **self._environment,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        with subprocess.Popen(
            command,
            cwd=request.pwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as program:
            # An engine that fails does not wait for its program, which would wait for the engine without end.
            if not context.add_callback(program.kill):
                program.kill()
            printed, _ = program.communicate()
        self.printed += printed.splitlines()
        match program.returncode:
            case 0:
                return language_pb2.RunResponse()
            case code if code == _SHOWN:
                return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {program.returncode}")
