# Two targets from one source: `airflow` (control plane and data worker, CPU build of torch) and `worker-gpu` (CUDA).
# The base image is named by digest only: PYTHON_DIGEST has no default, so a build without it fails. deploy/compose.yaml
# passes it from deploy/images.env; docs/deployment.md has the commands.
ARG PYTHON_DIGEST

FROM python:3.11-slim-bookworm@${PYTHON_DIGEST} AS python
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV PATH=/opt/venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# What these folders are is what a new named volume becomes: writable by the user of the image, by nobody else.
RUN groupadd --system --gid 10001 mlops \
    && useradd --system --uid 10001 --gid mlops --no-create-home --home-dir /var/lib/airflow mlops \
    && install -d -o mlops -g mlops -m 0700 /var/lib/airflow /var/log/airflow /var/lib/mlops/workspace \
       /var/lib/mlops/remotes/raw /var/lib/mlops/remotes/clean

# Everything a container may read of the project, once; .dockerignore keeps the rest out of the build altogether.
FROM scratch AS source
COPY pyproject.toml README.md /
COPY mlops/ /mlops/
COPY plugins/ /plugins/
COPY dags/ /dags/
COPY use_cases/ /use_cases/
COPY data_contracts/ /data_contracts/
COPY base_models/ /base_models/
COPY deploy/containers/ /deploy/containers/

# pip's own settings (an index, a proxy, a login) come as a build secret and stay in no layer. The lock names every
# package with its hash, so pip resolves nothing; what has to be built is built with the locked setuptools, or pip would
# fetch one without a hash. The tools that only tests and lint need are then taken out again.
FROM python AS packages-cpu
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
COPY pyproject.toml requirements/cpu.lock deploy/containers/dev_packages.py ./
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    python3.11 -m venv /opt/venv \
    && pip install --no-deps --require-hashes -r <(awk '/^setuptools==/,!/\\$/' cpu.lock) \
    && pip install --no-deps --require-hashes --use-pep517 --no-build-isolation -r cpu.lock \
    && python dev_packages.py pyproject.toml | xargs pip uninstall --yes

FROM python AS packages-cuda
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
COPY pyproject.toml requirements/cuda.lock deploy/containers/dev_packages.py ./
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    python3.11 -m venv /opt/venv \
    && pip install --no-deps --require-hashes -r <(awk '/^setuptools==/,!/\\$/' cuda.lock) \
    && pip install --no-deps --require-hashes --use-pep517 --no-build-isolation -r cuda.lock \
    && python dev_packages.py pyproject.toml | xargs pip uninstall --yes

FROM python AS runtime
ENV AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/mlops/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/mlops/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/var/log/airflow \
    MLOPS_ROOT=/opt/mlops \
    MLOPS_WORKSPACE=/var/lib/mlops/workspace
WORKDIR /opt/mlops
COPY --from=source / /opt/mlops/

FROM runtime AS worker-gpu
COPY --from=packages-cuda /opt/venv /opt/venv
# Editable, as in a checkout: there is one copy of the code, the one that stage keys are computed from.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q mlops plugins dags \
    && pip check
USER 10001:10001
HEALTHCHECK --interval=60s --timeout=30s --start-period=90s --retries=3 \
    CMD ["python", "/opt/mlops/deploy/containers/healthy.py", "worker"]
CMD ["python", "/opt/mlops/deploy/containers/worker.py", "gpu"]

FROM runtime AS airflow
COPY --from=packages-cpu /opt/venv /opt/venv
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q mlops plugins dags \
    && pip check
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "/opt/mlops/deploy/containers/healthy.py", "api-server"]
CMD ["bash", "/opt/mlops/deploy/containers/api-server.sh"]
