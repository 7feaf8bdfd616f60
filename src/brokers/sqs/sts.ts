import { OperationalError } from "../../errors.js";
import { loadPeer } from "../../util/load-peer.js";
import type { Credentials, StsRole } from "./settings.js";

/** What the SDK calls when it has no credentials, and again some minutes before `expiration`. */
export type CredentialProvider = () => Promise<Credentials & { readonly expiration: Date }>;

/**
 * Credentials of an assumed role (kombu's `sts_role_arn`), under the session name that kombu uses. The role is assumed
 * with the given credentials, or with those that the SDK finds by itself.
 */
export function assumeRole(role: StsRole, region: string, credentials: Credentials | undefined): CredentialProvider {
  return async () => {
    const sdk = await loadPeer(
      "@aws-sdk/client-sts",
      "sts_role_arn of the SQS broker",
      () => import("@aws-sdk/client-sts"),
    );
    const client = new sdk.STSClient({ region, ...(credentials && { credentials }) });
    try {
      const { Credentials: given } = await client.send(
        new sdk.AssumeRoleCommand({
          RoleArn: role.arn,
          RoleSessionName: "Celery",
          DurationSeconds: Math.trunc(role.timeout),
        }),
      );
      if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration)
        throw new Error("the answer has no credentials");
      return {
        accessKeyId: given.AccessKeyId,
        secretAccessKey: given.SecretAccessKey,
        sessionToken: given.SessionToken,
        expiration: new Date(given.Expiration.getTime() - role.buffer * 1000),
      };
    } catch (error) {
      const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      throw new OperationalError(`the role ${role.arn} (sts_role_arn) could not be assumed: ${why}`, {
        cause: error,
        retriable: !(error instanceof Error && "$fault" in error && error.$fault === "client"),
      });
    } finally {
      client.destroy();
    }
  };
}
