// Mocha's own report, and its totals in a file for scripts/interop-containers.mjs.
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class TotalsReporter extends reporters.Spec {
  done(_failures, finished) {
    const { passes, failures, pending } = this.stats;
    writeFileSync(this.options.reporterOptions.output, JSON.stringify({ passes, failures, pending }));
    finished(failures);
  }
};
