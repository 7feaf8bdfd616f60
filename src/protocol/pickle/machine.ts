import { decodeUtf8 } from "../utf8.js";
import { readFloat } from "../values.js";
import { ByteSource } from "./byte-source.js";
import { Op } from "./opcodes.js";
import { parseString, parseUnicode, textWithSurrogates } from "./old-text.js";
import { PyObject } from "./py-object.js";

/** A dict while the pickle is read: whether it becomes an object is known only at the end. */
export class PyDict {
  readonly entries: [unknown, unknown][] = [];
}

/** A set (or frozenset) while the pickle is read. */
export class PySet {
  readonly members: unknown[] = [];
}

/**
 * The stack machine that a pickle is a program for. It builds a graph of plain values, `PyDict`, `PySet` and inert
 * `PyObject`s; no global is ever looked up. Memory is bounded by `maxNodes`: every push costs one, a container eight.
 */
export class PickleMachine {
  #stack: unknown[] = [];
  /** Stack heights at the open marks. */
  #marks: number[] = [];
  #memo = new Map<number, unknown>();
  #nodes = 0;
  readonly #source: ByteSource;

  constructor(
    buffer: Buffer,
    readonly maxNodes: number,
    readonly keepFloats: boolean,
  ) {
    this.#source = new ByteSource(buffer);
  }

  /** Runs to STOP: the root of the graph. Bytes after STOP are ignored, as Python does. */
  run(): unknown {
    const source = this.#source;
    for (;;) {
      const op = source.u8();
      if (op === Op.STOP) {
        if (this.#stack.length !== 1 || this.#marks.length > 0) throw source.fail("it stops with a stack not of one");
        return this.#pop();
      }
      this.#step(op);
    }
  }

  #push(value: unknown, cost = 1): void {
    this.#nodes += cost;
    if (this.#nodes > this.maxNodes) throw this.#source.fail(`it holds more than ${this.maxNodes} nodes`);
    this.#stack.push(value);
  }

  /** Values below the last mark belong to what is outside of it. */
  #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #top(): unknown {
    if (this.#stack.length <= this.#floor()) throw this.#source.fail("the stack is empty");
    return this.#stack[this.#stack.length - 1];
  }

  #pop(): unknown {
    const value = this.#top();
    this.#stack.length--;
    return value;
  }

  /** Everything above the last mark, and the mark itself. */
  #popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#source.fail("there is no mark");
    return this.#stack.splice(mark);
  }

  #popTuple(size: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < size; i++) items.unshift(this.#pop());
    return items;
  }

  #step(op: number): void {
    const source = this.#source;
    switch (op) {
      case Op.PROTO: {
        const protocol = source.u8();
        if (protocol > 5) throw source.fail(`protocol ${protocol} is not known`);
        return;
      }
      case Op.FRAME:
        source.length64();
        return;
      case Op.NONE:
        return this.#push(null);
      case Op.NEWTRUE:
        return this.#push(true);
      case Op.NEWFALSE:
        return this.#push(false);
      case Op.BININT1:
        return this.#push(source.u8());
      case Op.BININT2:
        return this.#push(source.uint(2));
      case Op.BININT:
        return this.#push(source.int32());
      case Op.LONG1:
        return this.#push(source.long(source.u8()));
      case Op.LONG4:
        return this.#push(source.long(source.int32()));
      case Op.BINFLOAT:
        return this.#float(source.float());
      case Op.SHORT_BINUNICODE:
        return this.#text(source.u8());
      case Op.BINUNICODE:
        return this.#text(source.uint(4));
      case Op.BINUNICODE8:
        return this.#text(source.length64());
      case Op.SHORT_BINBYTES:
        return this.#bytes(source.u8());
      case Op.BINBYTES:
        return this.#bytes(source.uint(4));
      case Op.BINBYTES8:
      case Op.BYTEARRAY8:
        return this.#bytes(source.length64());
      default:
        return this.#containers(op);
    }
  }

  #containers(op: number): void {
    switch (op) {
      case Op.MARK:
        this.#marks.push(this.#stack.length);
        return this.#spend();
      case Op.EMPTY_LIST:
      case Op.EMPTY_TUPLE:
        return this.#push([], 8);
      case Op.EMPTY_DICT:
        return this.#push(new PyDict(), 8);
      case Op.EMPTY_SET:
        return this.#push(new PySet(), 8);
      case Op.TUPLE1:
      case Op.TUPLE2:
      case Op.TUPLE3:
        return this.#push(this.#popTuple(op - Op.TUPLE1 + 1), 8);
      case Op.TUPLE:
      case Op.LIST:
        return this.#push(this.#popMark(), 8);
      case Op.FROZENSET: {
        const set = new PySet();
        for (const member of this.#popMark()) set.members.push(member);
        return this.#push(set, 8);
      }
      case Op.DICT: {
        const items = this.#popMark();
        const dict = new PyDict();
        this.#push(dict, 8);
        return this.#setItems(dict, items);
      }
      case Op.APPEND: {
        const item = this.#pop();
        return this.#append(this.#top(), [item]);
      }
      case Op.APPENDS: {
        const items = this.#popMark();
        return this.#append(this.#top(), items);
      }
      case Op.ADDITEMS: {
        const items = this.#popMark();
        return this.#append(this.#top(), items);
      }
      case Op.SETITEM: {
        const pair = this.#popTuple(2);
        return this.#setItems(this.#top(), pair);
      }
      case Op.SETITEMS: {
        const items = this.#popMark();
        return this.#setItems(this.#top(), items);
      }
      default:
        return this.#memory(op);
    }
  }

  #memory(op: number): void {
    const source = this.#source;
    switch (op) {
      case Op.POP:
        if (this.#stack.length === this.#floor() && this.#marks.length > 0) this.#marks.pop();
        else this.#pop();
        return;
      case Op.POP_MARK:
        this.#popMark();
        return;
      case Op.DUP:
        return this.#push(this.#top());
      case Op.MEMOIZE:
        return this.#remember(this.#memo.size);
      case Op.BINPUT:
        return this.#remember(source.u8());
      case Op.LONG_BINPUT:
        return this.#remember(source.uint(4));
      case Op.PUT:
        return this.#remember(Number(source.digits(source.line())));
      case Op.BINGET:
        return this.#recall(source.u8());
      case Op.LONG_BINGET:
        return this.#recall(source.uint(4));
      case Op.GET:
        return this.#recall(Number(source.digits(source.line())));
      default:
        return this.#objects(op);
    }
  }

  #objects(op: number): void {
    const source = this.#source;
    switch (op) {
      case Op.STACK_GLOBAL: {
        const [module, name] = this.#popTuple(2);
        if (typeof module !== "string" || typeof name !== "string") throw source.fail("a global without a name");
        return this.#push(new PyObject(module, name), 8);
      }
      case Op.GLOBAL: {
        const module = source.line();
        return this.#push(new PyObject(module, source.line()), 8);
      }
      case Op.REDUCE: {
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case Op.NEWOBJ: {
        const args = this.#pop();
        return this.#call(this.#pop(), args);
      }
      case Op.NEWOBJ_EX: {
        const [cls, args, kwargs] = this.#popTuple(3);
        if (!Array.isArray(args)) throw source.fail("a call without a tuple of arguments");
        const isEmpty = kwargs instanceof PyDict && kwargs.entries.length === 0;
        return this.#call(cls, isEmpty ? args : [...(args as unknown[]), kwargs]);
      }
      case Op.BUILD: {
        const state = this.#pop();
        const target = this.#top();
        if (!(target instanceof PyObject)) throw source.fail("a state for something that is no object");
        target.state = state;
        return;
      }
      default:
        return this.#old(op);
    }
  }

  /** Protocols 0 and 1, and Python 2's byte strings. */
  #old(op: number): void {
    const source = this.#source;
    switch (op) {
      case Op.INT: {
        const line = source.line();
        return this.#push(line === "00" ? false : line === "01" ? true : source.digits(line));
      }
      case Op.LONG:
        return this.#push(source.digits(source.line().replace(/L$/, "")));
      case Op.FLOAT: {
        const line = source.line();
        const value = FLOAT_WORDS[line] ?? Number(line);
        if (line.trim() === "" || (Number.isNaN(value) && !(line in FLOAT_WORDS)))
          throw source.fail("a malformed float");
        return this.#float(value);
      }
      case Op.STRING: {
        const bytes = parseString(source.line());
        if (!bytes) throw source.fail("a malformed string");
        return this.#byteString(bytes);
      }
      case Op.BINSTRING: {
        const size = source.int32();
        if (size < 0) throw source.fail("a negative length");
        return this.#byteString(source.bytes(size));
      }
      case Op.SHORT_BINSTRING:
        return this.#byteString(source.bytes(source.u8()));
      case Op.UNICODE:
        return this.#push(parseUnicode(source.line()));
      default:
        throw source.fail(`opcode 0x${op.toString(16).padStart(2, "0")} is not supported`);
    }
  }

  #spend(): void {
    if (++this.#nodes > this.maxNodes) throw this.#source.fail(`it holds more than ${this.maxNodes} nodes`);
  }

  #float(value: number): void {
    this.#push(readFloat(value, this.keepFloats));
  }

  #text(size: number): void {
    const bytes = this.#source.bytes(size);
    this.#push(textWithSurrogates(bytes) ?? decodeUtf8(bytes, "text in a pickle"));
  }

  #bytes(size: number): void {
    this.#push(new Uint8Array(this.#source.bytes(size)));
  }

  /** Python 2's `str`: text when it is ASCII, as Python 3 reads it; else its bytes (Python 3 fails there). */
  #byteString(bytes: Uint8Array): void {
    const isText = bytes.every((byte) => byte < 0x80);
    this.#push(isText ? Buffer.from(bytes).toString("latin1") : new Uint8Array(bytes));
  }

  #append(target: unknown, items: readonly unknown[]): void {
    const list = target instanceof PySet ? target.members : target instanceof PyObject ? (target.items ??= []) : target;
    if (!Array.isArray(list)) throw this.#source.fail("items for something that is no list");
    for (const item of items) list.push(item);
  }

  #setItems(target: unknown, items: readonly unknown[]): void {
    const entries =
      target instanceof PyDict ? target.entries : target instanceof PyObject ? (target.items ??= []) : undefined;
    if (!entries || items.length % 2 !== 0) throw this.#source.fail("pairs for something that is no dict");
    for (let i = 0; i < items.length; i += 2) {
      this.#spend();
      entries.push([items[i], items[i + 1]]);
    }
  }

  #remember(index: number): void {
    this.#spend();
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#source.fail(`nothing was memoized as ${index}`);
    this.#push(value);
  }

  #call(callee: unknown, args: unknown): void {
    const named = callee instanceof PyObject ? attributeOf(callee) : undefined;
    if (!named || named.args !== null) throw this.#source.fail("a call of something unnamed");
    if (!Array.isArray(args)) throw this.#source.fail("a call without a tuple of arguments");
    this.#push(new PyObject(named.module, named.name, args), 8);
  }
}

/** `getattr(Class, "method")`, which protocols below 4 (and ZoneInfo) write for a method, is the name `Class.method`. */
function attributeOf(callee: PyObject): PyObject {
  const [owner, name] = callee.args ?? [];
  const isGetattr = callee.name === "getattr" && /^(?:builtins|__builtin__)$/.test(callee.module);
  if (!isGetattr || !(owner instanceof PyObject) || owner.args !== null || typeof name !== "string") return callee;
  return new PyObject(owner.module, `${owner.name}.${name}`);
}

const FLOAT_WORDS: Readonly<Record<string, number>> = Object.assign(Object.create(null) as object, {
  nan: NaN,
  inf: Infinity,
  "-inf": -Infinity,
});
