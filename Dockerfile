# sedt on a CPU, as a service: docs/container.md.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
# Where torch comes from. This index has it without CUDA, which is a tenth of the size.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Of pyproject.toml, by commas: `serve,av` reads m4a, aac and the sound of videos too.
ARG EXTRAS=serve
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PATH=/opt/sedt/bin:$PATH
RUN python -m venv /opt/sedt
# Alone and first: most of the image, and it stays when the source changes. Versions: as pyproject.toml has them.
# hadolint ignore=DL3013,DL3059
RUN pip install --index-url "${TORCH_INDEX}" torch torchvision
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# hadolint ignore=DL3013
RUN pip install ".[${EXTRAS}]"

FROM ${PYTHON_IMAGE}
# The folder of the Hub's models is there before a volume is put on it, which would be root's otherwise.
RUN useradd --uid 10001 --create-home sedt && install -d -o 10001 -g 10001 /home/sedt/.cache
COPY --from=build /opt/sedt /opt/sedt
# Models of the Hub are kept under HF_HOME; everything else can be read-only.
ENV PATH=/opt/sedt/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/home/sedt/.cache/huggingface
# By number, so that Kubernetes' `runAsNonRoot` can see that it is not root.
USER 10001
WORKDIR /home/sedt
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["sedt", "serve", "--host", "0.0.0.0", "--port", "8000"]
