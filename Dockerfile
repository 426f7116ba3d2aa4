# The media service's image, for both of its containers: `python -m mediaservice api` and `python -m mediaservice worker`.
#
#     docker build --platform linux/amd64 --tag face-redaction .
#
# Everything in it is pinned by hash. The base is Docker's official image from their copy on Amazon's public registry:
# Docker Hub counts the pulls of all clients with one address, such as the builders of Azure's registries.
FROM public.ecr.aws/docker/library/python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb AS base

FROM base AS build
WORKDIR /app
COPY mediaservice/installer.lock mediaservice/requirements.lock /build/
RUN pip install --no-cache-dir --root-user-action ignore --no-deps --require-hashes --only-binary :all: \
        --requirement /build/installer.lock
RUN uv venv --python /usr/local/bin/python .venv \
    && uv pip install --python .venv/bin/python --no-cache --no-deps --require-hashes --only-binary :all: \
        --requirements /build/requirements.lock \
    && find .venv -depth -type d -name tests -exec rm -r {} +
COPY redactor redactor
COPY mediaservice mediaservice
COPY LICENSE .
# Bytecode, since the user below cannot write it. It depends on the sources only, not on their times.
RUN PYTHONHASHSEED=0 .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .

FROM base
WORKDIR /app
COPY --from=build /app /app
# A number, so that hosts that refuse root containers recognise it as another user. It writes to /tmp only.
USER 10001:10001
ENV PATH=/app/.venv/bin:$PATH HOME=/tmp ORT_DISABLE_TELEMETRY=1
EXPOSE 8000
# For the API on a plain Docker host (run workers with --no-healthcheck). Container Apps uses the graph's probes.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/healthz')"]
CMD ["python", "-m", "mediaservice", "api"]
