# The benchmark in a container; docs/image.md says what it holds, what is checked when, and what is not known.
# `make image` builds it, without a network, from the wheels of `make wheelhouse`. The bases are pinned by tag:
# their digests are not known here. Both need Python 3.11 at the same place, the builder also make.
ARG BUILDER=python:3.11.14-bookworm
ARG BASE=python:3.11.14-slim-bookworm

# The locked packages in the virtual environment where `make setup` would put them.
# hadolint ignore=DL3006
FROM ${BUILDER} AS packages
ARG VARIANT=cpu
# Compiled modules with hashes in place of dates, and sets in one order: the same files in every build.
ENV SOURCE_DATE_EPOCH=315532800 PYTHONHASHSEED=0
WORKDIR /amtlb
COPY requirements-${VARIANT}.txt /requirements.txt
RUN --mount=type=bind,source=build/wheelhouse,target=/wheelhouse \
    python3.11 -m venv --without-pip .venv \
    && PYTHONPATH="$(echo /wheelhouse/${VARIANT}/pip-*.whl)" .venv/bin/python -m pip install --quiet \
        --no-cache-dir --no-index --find-links /wheelhouse/${VARIANT} --require-hashes --no-deps -r /requirements.txt

# hadolint ignore=DL3006
FROM ${BASE}
ARG SOURCE_DATE_EPOCH=315532800 PYTHONHASHSEED=0
# A base may come without compiled standard library; anyone's home must be writable, whoever runs it.
RUN python3.11 -m compileall -q -x '/(tests?|site-packages|dist-packages)/' \
        "$(python3.11 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && useradd --uid 1000 --no-log-init --create-home amtlb \
    && mkdir /out \
    && chmod 1777 /out /home/amtlb
COPY --from=packages /usr/bin/make /usr/bin/make
COPY --from=packages /amtlb/.venv /amtlb/.venv
WORKDIR /amtlb
COPY .dockerignore .gitattributes .gitignore CHANGELOG.md CITATION.cff CONTRIBUTING.md Dockerfile LICENSE Makefile README.md \
    compose.yaml install.py mkdocs.yml pyproject.toml requirements*.txt ./
COPY .ci .ci
COPY .github .github
COPY docs docs
COPY examples examples
COPY artifacts artifacts
COPY tests tests
COPY protocol protocol
COPY suite suite
COPY baselines baselines
COPY amtlb amtlb
ENV PATH=/amtlb/.venv/bin:$PATH HOME=/home/amtlb
# compat: otherwise the folder /amtlb hides the package from whoever stands in /.
RUN pip install --quiet --no-cache-dir --no-index --no-build-isolation --no-deps \
        --config-settings editable_mode=compat -e . \
    && python -m compileall -q amtlb protocol suite baselines \
    && touch .venv/.installed

# All ROMs and all conformance vectors; the stamp lets a start find the same files unchanged.
ARG VERSION EDITION_DIGESTS
RUN amtlb protocol check --stamp .venv/.checked \
    && test "$(python -c 'from protocol import load; print(*map("=".join, load("v1").edition_digests.items()), sep=",")')" = "${EDITION_DIGESTS}" \
    && test "$(python -c 'from importlib.metadata import version; print(version("amtlb"))')" = "${VERSION}"

ARG COMMIT BASE VARIANT=cpu
ENV AMTLB_COMMIT=${COMMIT} \
    AMTLB_RESULTS=/out \
    HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTEST_ADDOPTS="-p no:cacheprovider"
LABEL org.opencontainers.image.title="AMTLB" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="MIT AND GPL-2.0-only" \
      amtlb.variant="${VARIANT}" \
      amtlb.edition.digests="${EDITION_DIGESTS}" \
      amtlb.licences="This project is MIT. ale-py is GPL-2.0-only (source: https://pypi.org/project/ale-py/) and brings the ROMs of the games, whose rights lie with their owners. The other packages have licences of their own: see the SBOM."
USER 1000
ENTRYPOINT ["sh", "-c", "amtlb protocol check --stamp /amtlb/.venv/.checked >&2 && exec \"$@\"", "start"]
CMD ["make", "benchmark"]
