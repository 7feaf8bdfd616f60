export declare const images: Readonly<
  Record<"redis" | "rabbitmq" | "postgresql" | "mariadb" | "zookeeper" | "python", string>
>;
export declare function workerImage(version: string): string;
export declare const runLabel: string;
