import assert from "node:assert/strict";
import { ImproperlyConfigured } from "../../errors.js";
import { zookeeperEnsemble } from "./url.js";

const hosts = (url: string): string[] => zookeeperEnsemble(url).endpoints.map(({ host, port }) => `${host}:${port}`);

describe("ZooKeeper URL", () => {
  it("has defaults", () => {
    assert.deepEqual(zookeeperEnsemble("zookeeper://"), {
      endpoints: [{ displayUrl: "zookeeper://", host: "127.0.0.1", port: 2181, login: undefined }],
      vhost: "",
    });
  });

  it("takes the path as it is, without slashes around it", () => {
    for (const [path, vhost] of Object.entries({
      "": "",
      "/": "",
      "//": "",
      "/vh": "vh",
      "/a/b/": "a/b",
      "/%2Fx": "x",
    }))
      assert.equal(zookeeperEnsemble(`zookeeper://h${path}`).vhost, vhost);
  });

  it("takes several servers, by comma or by semicolon, with or without their scheme", () => {
    const expected = ["a:2181", "b:2182", "c:2181"];
    for (const url of [
      "zookeeper://a,b:2182,c/vh",
      "zookeeper://a:2181;zookeeper://b:2182;zookeeper://c/vh",
      "zookeeper://a/vh;b:2182;c",
      "zookeeper://a/vh;zookeeper://b:2182,c/vh",
    ]) {
      assert.deepEqual(hosts(url), expected, url);
      assert.equal(zookeeperEnsemble(url).vhost, "vh", url);
    }
    assert.deepEqual(hosts("zookeeper://[::1]:2182,[::2]"), ["::1:2182", "::2:2181"]);
  });

  it("logs in to every server of a list, and shows no password", () => {
    const { endpoints } = zookeeperEnsemble("zookeeper://me:p%40ss@a,b/vh");
    assert.deepEqual(
      endpoints.map(({ login, displayUrl }) => [login, displayUrl]),
      [
        ["me:p@ss", "zookeeper://me:**@a/vh"],
        ["me:p@ss", "zookeeper://me:**@b/vh"],
      ],
    );
  });

  it("lets parameters win, and refuses unknown ones", () => {
    const { endpoints, vhost } = zookeeperEnsemble("zookeeper://a/x?hostname=b&port=1&virtual_host=/y&userid=u");
    assert.deepEqual({ ...endpoints[0], vhost }, { ...endpoints[0], host: "b", port: 1, login: "u:", vhost: "y" });
    const refuses = (url: string, pattern: RegExp): void =>
      assert.throws(
        () => zookeeperEnsemble(url),
        (error) => error instanceof ImproperlyConfigured && pattern.test(error.message),
      );
    refuses("zookeeper://u:secret@a?session_timeout=3", /u:\*\*@a.*"session_timeout".*brokerTransportOptions/);
    refuses("zookeeper://a/x;zookeeper://b/y", /different virtual hosts \(x, y\)/);
    refuses("zookeeper://a:99999", /above the limit/);
    refuses("zookeeper://a:b:c", /cannot be read/);
    for (const port of ["x", "0", "65536", "1.5"]) refuses(`zookeeper://a?port=${port}`, /expected 1 to 65535/);
  });
});
