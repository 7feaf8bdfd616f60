import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "coverage", ".cache", "node_modules"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/prefer-promise-reject-errors": [
        "error",
        { allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      "@typescript-eslint/only-throw-error": [
        "error",
        { allowRethrowing: true, allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/**/*.test.ts", "src/**/*.test-d.ts", "src/**/fixtures/*.ts"],
    rules: {
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "no-console": "error",
      "no-restricted-globals": [
        "error",
        { name: "setTimeout", message: "use util/time.ts" },
        { name: "setInterval", message: "use util/time.ts" },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "use util/time.ts" },
        { object: "process", property: "env", message: "the library reads no environment" },
      ],
    },
  },
  { files: ["src/util/time.ts"], rules: { "no-restricted-globals": "off", "no-restricted-properties": "off" } },
  { files: ["src/cli/**/*.ts"], rules: { "no-console": "off", "no-restricted-properties": "off" } },
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        Buffer: "readonly",
      },
    },
  },
);
