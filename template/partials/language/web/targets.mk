.PHONY: test-e2e
test-e2e: ## Try the page in Chromium, on the stack that `make up` has started
	scripts/test-e2e.sh

