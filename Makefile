# make demo    predict and fine-tune on real images: the first thing to run
# make test    everything that is checked before a change lands
# make check   format, lint, types, import layers, public names
# make format  let ruff rewrite what it can, and bring the generated documents up to date
# make wheel   build the wheel, install it into a new environment, use it from an empty folder
# make wheel-onnx   the wheel of relook-onnx, used in an environment without PyTorch: minutes
# make docs    the pages of docs/ as a site that works offline: build/site/index.html, seconds
# make napari  the plugin of napari in napari itself, in an environment of its own: a minute or two
# make programs  open what is saved in ImageJ, QGIS, LabelMe ..., those that are installed: minutes
# make onnx-parity  ONNX files against their models on real images, crowds, AP: an hour on two cores
# make onnx-speed   onnxruntime beside relook and torchvision, 1 and 2 threads: 5 quiet minutes
# make bench   time and memory against the baseline and the floor: 45 minutes on two quiet cores
# make gpu-report  what a GPU does: correctness, speed, training, memory; 8 minutes of one card
# make floor   torchvision's Mask R-CNN as a yardstick: about half an hour on two cores
# make paper   the papers of DetectoRS and DSC as one page: build/paper.html, under a minute
# make fine-tuning   fine-tuned against from scratch at 5, 10 and 25 images: half an hour
# make correcting   how much correcting images in the app helps: MINUTES long, goes on where it stopped
# make torture  kill every command at random moments, and compare what it leaves: MINUTES long
# make load    clients on relook serve, some hostile, each answer checked: MINUTES long
# make guided  HTC, Fast DSC and DSC on huddled objects, from scratch: an hour and a half
# make study   RFP, SAC and shape guidance on composed scenes, nuclei, mushrooms: many hours, in steps
# make components   SAC and DSC with parts switched off, on mushrooms, and the page's photograph: an hour
# make fuzz BUDGET=600   mutated inputs into every reader, in children with bounds; finds are kept
# make mutants BUDGET=3600   how many small changes of the numerics the tests notice
# make verify-zoo COCO=DIR   with internet: fetch, import and measure every published checkpoint
# make clean   remove caches and build outputs (the environment stays; make distclean removes it)
#
# Each sets up what it needs, once. Useful variables:
#     MINUTES=10    how long the demo or the torture takes, in all
#     JOBS=2        test processes
#     ONLY=sac,start   groups of rows that bench measures
#     READERS=coco,tiff   readers that fuzz attacks; MODULES="ops/nms.py" of mutants, MOST=12 of each
#     LIMIT=100     images that verify-zoo measures on; ONLY="htc-r50" checkpoints or presets
#     PYTHON=...    the interpreter that .venv is made with

VENV ?= .venv
CONSTRAINTS ?= constraints.txt
PYTHON ?=
MINUTES ?= 10
SEED ?= 0
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
JOBS ?= $(shell [ $(CORES) -gt 8 ] && echo 8 || echo $(CORES))

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format wheel wheel-onnx docs napari ray programs onnx-parity onnx-speed bench gpu-report floor paper fine-tuning correcting torture load guided study components fuzz mutants verify-zoo clean distclean

help:
	@sed -n '/^# make/s/^# //p' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml $(CONSTRAINTS) scripts/setup.sh
	@rm -f $@
	@scripts/setup.sh "$(VENV)" "$(CONSTRAINTS)" "$(PYTHON)"
	@touch $@

demo: $(STAMP)
	$(BIN)/python -m examples.demo --minutes $(MINUTES)

# One thread a process: on few cores, processes that each start a pool of threads slow one another.
test: check
	$(PYTEST) -n $(JOBS) --dist worksteal

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(PYTEST) -q tests/test_public_names.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python scripts/write_documents.py

wheel:
	scripts/check_wheel.sh

wheel-onnx: $(STAMP)
	scripts/check_onnx_wheel.sh $(VENV)

# Zensical (the extra `docs`) is installed the first time. Its strict mode checks the links that are
# written in Markdown; the script checks the pages that came out.
docs: $(STAMP)
	@$(BIN)/python -c "import zensical" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) zensical
	$(BIN)/zensical build --strict --clean
	$(BIN)/python scripts/check_site.py build/site

# napari and Qt are not part of .venv: they are installed into an environment that sees its packages.
napari: $(STAMP)
	scripts/napari.sh "$(VENV)" "$(VENV)-napari" tests/napari

# Ray is not part of .venv either.
ray: $(STAMP)
	scripts/ray.sh "$(VENV)" "$(VENV)-ray" tests/test_ray_page.py

# ImageJ and QGIS are taken from the system where they are there; the others are installed here.
programs: $(STAMP)
	@test -e $(VENV)-programs/.installed || { $(BIN)/python -m venv $(VENV)-programs && \
		$(VENV)-programs/bin/pip install --quiet --disable-pip-version-check \
			labelme label-studio-sdk datumaro && touch $(VENV)-programs/.installed; }
	$(BIN)/python scripts/open_in_programs.py --tools $(VENV)-programs/bin/python

onnx-parity: $(STAMP)
	$(BIN)/python benchmarks/onnx_parity.py --ap --crowd

onnx-speed: $(STAMP)
	$(BIN)/python benchmarks/onnx_speed.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks.speed $(if $(ONLY),--only $(ONLY))
	$(BIN)/python scripts/write_documents.py

gpu-report: $(STAMP)
	$(BIN)/python -m benchmarks.gpu

floor: $(STAMP)
	$(BIN)/python benchmarks/floor.py --side-by-side

paper: $(STAMP)
	$(BIN)/python -m paper.build

fine-tuning: $(STAMP)
	$(BIN)/python benchmarks/fine_tuning.py --side-by-side

correcting: $(STAMP)
	$(BIN)/python benchmarks/correcting.py --minutes $(MINUTES)

torture: $(STAMP)
	$(BIN)/python -m benchmarks.torture --minutes $(MINUTES) --seed $(SEED)
	$(BIN)/python scripts/write_documents.py

load: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.load --minutes $(MINUTES) --seed $(SEED)
	$(BIN)/python scripts/write_documents.py

guided: $(STAMP)
	$(BIN)/python benchmarks/guided.py --side-by-side --minutes 6

# docs/studies/small-scale.md. Every step goes on where it was stopped: the same command once more.
STUDY := runs/study
SCENES := $(STUDY)/scenes
START := $(STUDY)/pretrained/best.safetensors
PHOTOS := datasets/coco_mini/annotations/instances_%.json:datasets/coco_mini/images
CRATES := datasets/mushrooms/annotations/instances_%.json:datasets/mushrooms/images
ABLATE = $(BIN)/relook ablate --side-by-side --resume --time-images 20 \
	--set train.backbone_from=$(START) -o $(STUDY)
of = --train-json $(1)/annotations/instances_train.json --val-json $(1)/annotations/instances_val.json \
	--images $(1)/images
COMPOSED = --config configs/studies/composed.yaml --epochs 1 $(call of,$(SCENES))

$(SCENES)/annotations/instances_val.json: | $(STAMP)
	$(BIN)/relook data compose $(SCENES) --images 2000 --val 240 --one-class --sizes 1:8 --objects 4:14 \
		$(foreach data,$(PHOTOS) $(CRATES),--from $(subst %,train,$(data)) --val-from $(subst %,val,$(data)))

$(START): $(SCENES)/annotations/instances_val.json
	$(BIN)/relook train --config configs/studies/pretrain.yaml --epochs 4 --seed 100 \
		--train-json $(SCENES)/annotations/instances_train.json --images $(SCENES)/images \
		-o $(STUDY)/pretrained

study: $(START)
	$(ABLATE)/composed-main --rows main,htc+ws --seeds 5 $(COMPOSED)
	$(ABLATE)/composed-rfp --rows rfp --seeds 3 $(COMPOSED)
	$(ABLATE)/composed-sac --rows sac --seeds 3 $(COMPOSED)
	$(ABLATE)/composed-dsc --rows dsc --seeds 3 $(COMPOSED)
	$(ABLATE)/nuclei --rows main,htc+ws,dsc --seeds 3 --epochs 3 $(call of,datasets/nuclei)
	$(ABLATE)/mushrooms --rows main,htc+ws,dsc --seeds 3 --epochs 30 $(call of,datasets/mushrooms)
	$(BIN)/python scripts/study_page.py $(STUDY)

# The parts of SAC and of DSC, on mushrooms from a backbone that has learned on nuclei; goes on, too.
COMPONENTS := runs/components
NUCLEI := $(COMPONENTS)/start/best.safetensors
ABLATE_PARTS = $(BIN)/relook ablate --side-by-side --resume --time-images 0 --epochs 20 --seeds 2 \
	--set train.backbone_from=$(NUCLEI) --set train.workers=0 $(call of,datasets/mushrooms) -o $(COMPONENTS)

$(NUCLEI): | $(STAMP)
	$(BIN)/relook train --config configs/studies/pretrain.yaml --epochs 3 --seed 100 \
		--train-json datasets/nuclei/annotations/instances_train.json --images datasets/nuclei/images \
		-o $(COMPONENTS)/start

components: $(NUCLEI)
	$(ABLATE_PARTS)/components-dsc --rows htc,full-dsc,fast-dsc,dsc-exsg,dsc-imsg,dsc-initial
	$(ABLATE_PARTS)/components-sac --rows htc+ws,sac
	$(BIN)/python scripts/study_page.py $(COMPONENTS)
	$(BIN)/python -m paper.crowd $(COMPONENTS)/components-dsc

# docs/fuzzing.md says what they do, and what they found.
BUDGET ?= 600

fuzz: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing.campaign --budget $(BUDGET) \
		$(if $(READERS),--readers $(READERS))

mutants: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants.run $(MODULES) --budget $(BUDGET) \
		$(if $(MOST),--most $(MOST))

# Not run in the making: there was no internet. scripts/verify_zoo.py says what it compares.
verify-zoo: $(STAMP)
	$(if $(COCO),,$(error say where COCO is: make verify-zoo COCO=DIR, with DIR/val2017 and DIR/annotations))
	$(BIN)/python scripts/verify_zoo.py --coco "$(COCO)" $(if $(LIMIT),--limit $(LIMIT)) $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf build dist .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(VENV)-napari $(VENV)-ray
