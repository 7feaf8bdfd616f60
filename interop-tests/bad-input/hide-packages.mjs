/** Loaded with --import: this process behaves as if none of the optional packages were installed (`HIDDEN`, a list). */
import Module, { register } from "node:module";

const hidden = (process.env.HIDDEN ?? "").split(",");

/** @param {string} specifier */
const isHidden = (specifier) => hidden.some((name) => specifier === name || specifier.startsWith(`${name}/`));

const notFound = (specifier, code) =>
  Object.assign(new Error(`Cannot find package '${specifier}' imported from a test`), { code });

// `import()` goes through hooks of their own thread, `require` through this function of Node's.
register(
  `data:text/javascript,${encodeURIComponent(`
    const hidden = ${JSON.stringify(hidden)};
    export const resolve = async (specifier, context, next) => {
      if (hidden.some((name) => specifier === name || specifier.startsWith(name + "/")))
        throw Object.assign(new Error("Cannot find package '" + specifier + "'"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(specifier, context);
    };`)}`,
);
const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (specifier, ...rest) {
  if (isHidden(specifier)) throw notFound(specifier, "MODULE_NOT_FOUND");
  return resolveFilename.call(this, specifier, ...rest);
};
