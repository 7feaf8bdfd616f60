export declare const images: { readonly redis: string; readonly rabbitmq: string; readonly python: string };
export declare function workerImage(version: string): string;
export declare const runLabel: string;
