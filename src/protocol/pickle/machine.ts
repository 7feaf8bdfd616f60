import { ByteSource } from "./byte-source.js";
import { readLiteral } from "./literals.js";
import { Op } from "./opcodes.js";
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
    const literal = readLiteral(op, source, this.keepFloats);
    if (literal !== undefined) return this.#push(literal);
    switch (op) {
      case Op.PROTO: {
        const protocol = source.u8();
        if (protocol > 5) throw source.fail(`protocol ${protocol} is not known`);
        return;
      }
      case Op.FRAME:
        source.length64();
        return;
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
        throw source.fail(`opcode 0x${op.toString(16).padStart(2, "0")} is not supported`);
    }
  }

  #spend(): void {
    if (++this.#nodes > this.maxNodes) throw this.#source.fail(`it holds more than ${this.maxNodes} nodes`);
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
