# syntax=docker/dockerfile:1
# gexfaker as an image: docker build -t gexfaker . && docker run --rm -p 127.0.0.1:8080:8080 gexfaker
# Another base: docker build --build-arg PYTHON=registry.example.com/python:3.13-slim .
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/gexfaker && python -m venv /opt/build
RUN /opt/gexfaker/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/cluster.txt
RUN /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY docs docs
COPY src src
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels .
RUN /opt/gexfaker/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheels/gexfaker-*.whl
RUN /opt/gexfaker/bin/python -m pip uninstall --yes pip && /opt/gexfaker/bin/python -m compileall -q /opt/gexfaker/lib

FROM ${PYTHON}
RUN groupadd --gid 10001 gexfaker && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home gexfaker
RUN mkdir /data && chown 10001:10001 /data
COPY --from=build /opt/gexfaker /opt/gexfaker
# The root may be read-only: nothing is written but to /data and /tmp. Recorded days lie in /data, as they lie in ./data.
ENV PATH="/opt/gexfaker/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GEXFAKER_HOST=0.0.0.0
WORKDIR /
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["gexfaker", "health"]
ENTRYPOINT ["gexfaker"]
CMD ["serve"]
