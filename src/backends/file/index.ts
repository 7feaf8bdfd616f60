import { ImproperlyConfigured } from "../../errors.js";
import { maskUrl } from "../../util/url.js";
import type { Backend, BackendOptions } from "../backend.js";
import { keyValueBackend } from "../key-value/key-value-backend.js";
import { folderStore } from "./folder-store.js";

/**
 * Results as files of one folder, one per task, as celery/backends/filesystem.py keeps them: `file:///absolute/dir`,
 * `file://localhost/absolute/dir`, `file://relative/dir`. As in Celery nothing in the URL is percent-decoded. The
 * folder must exist and be writable, which is tried before its first use.
 *
 * @throws ImproperlyConfigured when the URL names no folder
 */
export default function open(url: string, options: BackendOptions): Backend {
  const folder = /^file:\/\/(?:localhost(?=\/))?(.*)$/i.exec(url)?.[1];
  if (!folder)
    throw new ImproperlyConfigured(`${maskUrl(url)} names no folder; expected file:///path/to/existing/folder`);
  return keyValueBackend({ scheme: "file", displayUrl: url, kv: folderStore(folder), options, tornReads: true });
}
