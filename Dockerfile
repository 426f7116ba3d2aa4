# The media service's image, for both of its containers: `python -m mediaservice api` and `python -m mediaservice worker`.
#
#     docker build --platform linux/amd64 --tag face-redaction .
#
# Everything in it except the base is pinned by hash. For reproducible images, pin the base as well:
# --build-arg BASE=python:3.13-slim-bookworm@sha256:…
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /app
COPY mediaservice/requirements.lock /build/
RUN pip install --no-cache-dir --root-user-action ignore uv==0.13.9
RUN uv venv --python /usr/local/bin/python .venv \
    && uv pip install --python .venv/bin/python --no-cache --no-deps --require-hashes --only-binary :all: \
        --requirements /build/requirements.lock \
    && find .venv -depth -type d -name tests -exec rm -r {} +
COPY redactor redactor
COPY mediaservice mediaservice
COPY LICENSE .
# Bytecode, since the user below cannot write it. It depends on the sources only, not on their times.
RUN PYTHONHASHSEED=0 .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${BASE}
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
