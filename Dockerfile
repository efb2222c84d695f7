# syntax=docker/dockerfile:1
# Two stages: the first installs the lock and builds the frontend, the second only runs.

FROM python:3.12-slim-bookworm AS build
ENV PYTHONDONTWRITEBYTECODE=1 UV_LINK_MODE=copy
WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.8
COPY requirements.txt ./
RUN uv venv .venv && uv pip install --python .venv/bin/python --no-cache --no-deps -r requirements.txt
COPY . .
# The same build serves every address: pages talk to the origin they came from.
RUN .venv/bin/python -m wa_app.cli build --data /tmp/build && rm -rf .web/node_modules /tmp/build

FROM python:3.12-slim-bookworm AS run
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home sapa \
    && install -d -o sapa -g sapa /data
COPY --from=build --chown=sapa:sapa /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONPATH=/app SAPA_ENV=prod SAPA_DATA=/data SAPA_PORT=8000
USER 10001
WORKDIR /app
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--", "python", "-m", "wa_app.cli"]
CMD ["web"]
