import type { Host, policies, types } from "cassandra-driver";

type Policies = typeof policies.loadBalancing;
type Policy = policies.loadBalancing.LoadBalancingPolicy;

/**
 * Python's usual way to choose a server: a replica of the key, in the data centre of the contact points. The client
 * library has the same policies but wants the data centre's name, which Celery has no setting for; so it is taken from
 * the first server that is known.
 */
export function localPolicy(lib: Policies): Policy {
  class LocalPolicy extends lib.LoadBalancingPolicy {
    #chosen: Policy | undefined;

    override init(...[client, hosts, callback]: Parameters<Policy["init"]>): void {
      const local = hosts.values().find((host) => Boolean(host.datacenter));
      this.#chosen = new lib.TokenAwarePolicy(new lib.DCAwareRoundRobinPolicy(local?.datacenter ?? "datacenter1"));
      this.#chosen.init(client, hosts, callback);
    }

    override getDistance(host: Host): types.distance {
      return this.#chosen ? this.#chosen.getDistance(host) : super.getDistance(host);
    }

    override newQueryPlan(...[keyspace, execution, callback]: Parameters<Policy["newQueryPlan"]>): void {
      if (this.#chosen) this.#chosen.newQueryPlan(keyspace, execution, callback);
      else super.newQueryPlan(keyspace, execution, callback);
    }
  }
  return new LocalPolicy();
}
