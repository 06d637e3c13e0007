# `make help` lists the tasks.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
GOOGLEAPIS := build/googleapis
PROTOS := $(shell cd protos && find . -name '*.proto' | sed 's|^\./||')
MADE := $(addprefix service/sessions/gateway/,descriptors.pb openapi.json swagger_ui explorer)
NO_NODE := ! command -v npm > /dev/null || ! node -e 'process.exit(+(parseInt(process.versions.node) < 20))'

.DEFAULT_GOAL := help
.PHONY: help install run generate generate-python generate-openapi generate-page generate-typescript generate-explorer generate-go format lint lint-openapi lint-explorer test coverage bench bench-hostile bench-ingest bench-blocks bench-analysis bench-export bench-scaling soak attacks chaos fuzz drift check

help: ## Show the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

install: $(INSTALLED) ## Install the service and its tools into .venv

$(INSTALLED): pyproject.toml sdk/python/pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e sdk/python -e '.[standalone,dev]'
	@touch $@

run: install ## Bring everything up, with data to look at (Ctrl-C stops it)
	$(BIN)/sessions up --demo

$(GOOGLEAPIS): $(INSTALLED)
	@rm -rf $@ && mkdir -p $@/google
	@cd $@ && root=$$(../../$(BIN)/python -c "import google.api, os; print(os.path.dirname(google.api.__path__[0]))") \
	  && cp -R $$root/api $$root/rpc google/ && find . -name '*.py*' -delete && find . -name __pycache__ -prune -exec rm -r {} +

generate: generate-python generate-openapi generate-page generate-typescript generate-explorer generate-go ## Generate SDKs, OpenAPI and Envoy's descriptors from protos/

generate-python: $(GOOGLEAPIS)
	@rm -rf build/python sdk/python/analytics_sessions/v1/*_pb2* && mkdir -p build/python
	$(BIN)/python -m grpc_tools.protoc -I protos -I $(GOOGLEAPIS) --plugin=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=build/python --pyi_out=build/python --grpc_python_out=build/python --mypy_grpc_out=quiet:build/python $(PROTOS)
	@sed -i -f sdk/python/generated.sed build/python/analytics/sessions/*/*_pb2*
	@cp -R build/python/analytics/sessions/. sdk/python/analytics_sessions/
	$(BIN)/python -m grpc_tools.protoc -I protos -I $(GOOGLEAPIS) --include_imports \
	  --descriptor_set_out=build/descriptors.pb $(PROTOS) google/api/httpbody.proto google/rpc/status.proto google/rpc/error_details.proto
	$(BIN)/python -m tools.rest_descriptors build/descriptors.pb service/sessions/gateway/descriptors.pb
	$(BIN)/python -m tools.error_reasons && $(BIN)/ruff format -q service/sessions/domain/reasons.py

generate-openapi: $(GOOGLEAPIS)
	@if ! command -v go > /dev/null; then echo 'generate: skipped openapi, needs Go'; else \
	  $(BIN)/buf generate protos --template openapi/buf.gen.yaml \
	  && $(BIN)/buf build protos -o build/openapi/protos.binpb && $(BIN)/python -m openapi.build; fi

# Without the package's install script, which reports the installation to its makers.
OPENAPI_TOOLS = { [ openapi/node_modules/.package-lock.json -nt openapi/package-lock.json ] || npm ci --ignore-scripts --prefix openapi; }

generate-page:
	@if $(NO_NODE); then \
	  echo 'generate: skipped the files of Swagger UI, needs Node 20'; else \
	  $(OPENAPI_TOOLS) && cd openapi/node_modules/swagger-ui-dist \
	  && cp LICENSE NOTICE swagger-ui.css swagger-ui-bundle.js $(CURDIR)/service/sessions/gateway/swagger_ui/; fi

generate-typescript: $(GOOGLEAPIS) generate-openapi
	@if $(NO_NODE); then \
	  echo 'generate: skipped sdk/typescript, needs Node 20'; else \
	  cd sdk/typescript && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci; } && cd ../.. \
	  && $(BIN)/buf generate --template sdk/typescript/buf.gen.yaml && npm run --silent --prefix sdk/typescript generate-rest; fi

EXPLORER_TOOLS = { [ explorer/node_modules/.package-lock.json -nt explorer/package-lock.json ] || npm ci --prefix explorer; }

generate-explorer: generate-typescript
	@if $(NO_NODE); then \
	  echo 'generate: skipped the explorer, needs Node 20'; else $(EXPLORER_TOOLS) && npm run --silent --prefix explorer build; fi

generate-go: $(GOOGLEAPIS)
	@if ! command -v go > /dev/null; then echo 'generate: skipped sdk/go, needs Go'; else \
	  rm -f sdk/go/*.pb.go && $(BIN)/buf generate protos --template sdk/go/buf.gen.yaml; fi

format: install ## Format the code and the protos
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	$(BIN)/buf format -w protos

lint: $(GOOGLEAPIS) lint-openapi lint-explorer ## Check format, style, types, layers and protos; warnings are errors
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk service/sessions/storage/migrations/*.sql
	$(BIN)/buf format --diff --exit-code protos && $(BIN)/buf lint
	$(BIN)/buf breaking protos --against protos/released.binpb

lint-openapi:
	@if $(NO_NODE); then \
	  echo 'lint: skipped openapi, needs Node 20'; else $(OPENAPI_TOOLS) && cd openapi \
	  && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint ../service/sessions/gateway/openapi.json; fi

lint-explorer:
	@if $(NO_NODE); then \
	  echo 'lint: skipped the explorer, needs Node 20'; else $(EXPLORER_TOOLS) && npm run --silent --prefix explorer lint; fi

test: install ## Run all tests
	$(BIN)/pytest -n auto

coverage: install ## Show which lines no test runs, but for those that only whole processes run; fails below 82 %
	$(BIN)/pytest -n auto --cov=sessions --cov-report=term-missing:skip-covered --cov-fail-under=82 \
	  tests/domain tests/analysis tests/generator tests/cli tests/ingest tests/standalone tests/api tests/storage tests/usecases tests/worker

bench: install ## Measure how fast sessions are read (ARGS="--help" shows the options)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m bench.read $(ARGS)

bench-hostile: install ## Measure what others notice of a hostile caller (ARGS="--help" shows the options)
	$(BIN)/python -m bench.hostile $(ARGS)

bench-ingest: install ## Measure how fast events come in (ARGS="--help" shows the options)
	$(BIN)/python -m bench.ingest $(ARGS)

bench-blocks: install ## Measure blocks: size, building, reading, and what others notice (ARGS="--help" shows the options)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.blocks $(ARGS)

bench-analysis: install ## Measure analyses beside SQL and ClickHouse on the same data (ARGS="--help" shows the options)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.analysis $(ARGS)

bench-export: install ## Measure exports beside COPY to a file, and the memory they take (ARGS="--help" shows the options)
	$(BIN)/python -m bench.export $(ARGS)

bench-scaling: install ## Measure what a replica takes off the primary, and what PgBouncer costs (ARGS="--help" shows the options)
	$(BIN)/python -m bench.scaling $(ARGS)

soak: install ## Write from everywhere at once, for SECONDS=300 each
	SOAK_SECONDS=$(or $(SECONDS),300) $(BIN)/pytest -s --timeout 0 tests/usecases/test_concurrent_writers.py tests/usecases/test_blocks_protocol.py

chaos: install ## Write, list, analyse and export while everything fails, for SECONDS=600
	CHAOS_SECONDS=$(or $(SECONDS),600) $(BIN)/pytest -s --timeout 0 tests/end_to_end/test_chaos.py

attacks: install ## Attack the front door for SECONDS=60 each, and show what others notice
	ATTACK_SECONDS=$(or $(SECONDS),60) $(BIN)/pytest -s --timeout 0 tests/end_to_end/test_attacks.py

fuzz: install ## Parse 50,000 random expressions and import a million damaged lines (ARGS="--help" shows the options)
	$(BIN)/python -m tests.domain.fuzz_expressions
	$(BIN)/python -m tests.ingest.fuzz $(ARGS)

CLIENTS := $(CURDIR)/build/clients
DOCUMENT := $(CURDIR)/service/sessions/gateway/openapi.json
TSC := $(CURDIR)/sdk/typescript/node_modules/.bin/tsc --strict --target es2022 --module nodenext --skipLibCheck \
  --types node --typeRoots $(CURDIR)/sdk/typescript/node_modules/@types

generated-clients: generate-typescript ## Compile clients of more generators than the tests do; takes minutes
	rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)/oapi-codegen
	mvn -q -B -P more -f tests/openapi/generated_clients/maven/pom.xml -Dmade=$(CLIENTS) -Ddocument=$(DOCUMENT) compile
	cd $(CLIENTS)/go && go mod tidy && go build ./...
	cd $(CLIENTS)/typescript-axios && npm init -y > /dev/null && npm install --silent axios && $(TSC) --outDir built index.ts
	cd $(CLIENTS)/oapi-codegen && go mod init example.com/generated \
	  && go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@latest -generate types,client -package api -o api.go $(DOCUMENT) \
	  && go mod tidy && go build ./...
	python3 -m venv $(CLIENTS)/python && $(CLIENTS)/python/bin/pip install --quiet datamodel-code-generator openapi-python-client ruff
	cd $(CLIENTS) && export PATH="$(CLIENTS)/python/bin:$$PATH" \
	  && datamodel-codegen --input $(DOCUMENT) --output models.py --output-model-type pydantic_v2.BaseModel \
	  && openapi-python-client generate --path $(DOCUMENT) --output-path python_client --meta none --fail-on-warning \
	  && python -c 'import models, python_client.models'

drift: generate ## Check that the generated code is that of the protos
	@test -z "$$(git status --porcelain -- sdk $(MADE))" \
	  || { git status --short -- sdk $(MADE); echo 'generated code has drifted: commit what make generate makes'; exit 1; }

check: lint drift test ## Everything that CI checks, on the embedded PostgreSQL
