const NATIVE = /^(?:Error|EvalError|RangeError|ReferenceError|SyntaxError|TypeError|URIError|AggregateError)$/;

/** The `name`, or the class's own name where a subclass did not set one. Python cannot make a class of odd names. */
export function className(error: Error): string {
  const { name, constructor } = error;
  const own = constructor?.name;
  const names = NATIVE.test(name) && !NATIVE.test(own) ? [own, name] : [name, own];
  return names.find((one) => typeof one === "string" && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(one)) ?? "Error";
}
