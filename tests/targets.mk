# What is done with the programs: tests, lint, benchmarks, packaging.
.PHONY: unit tools clean help
unit: $(UNIT) ## build and run the unit tests
	$(Q)for t in $(UNIT); do echo "# $$t"; $$t || exit 1; done

tools: $(TOOLS) ## build the helpers of the network tests

clean: ## remove what was built
	$(Q)rm -rf $(BUILD)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile tests/targets.mk | sed -E 's/:.*## /\t/' | expand -t 14
