import jsxA11y from 'eslint-plugin-jsx-a11y';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'src/api/schema.d.ts'] },
  ...tseslint.configs.strict,
  { files: ['src/**/*.tsx'], ...jsxA11y.flatConfigs.strict },
  {
    files: ['src/**/*.{ts,tsx}', 'vite.config.ts'],
    rules: {
      'max-lines': ['error', 600],
      'max-lines-per-function': ['error', { max: 120, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.tsx'],
    rules: {
      // These speak English by themselves: src/pf has them in the reader's language.
      'no-restricted-imports': ['error', { paths: [{ name: '@patternfly/react-core', importNames: ['Alert', 'AlertActionCloseButton', 'Modal', 'SearchInput', 'Spinner'], message: 'Import it from src/pf.' }] }],
      'no-restricted-syntax': ['error', { selector: "JSXOpeningElement[name.name='Button'] > JSXAttribute[name.name='isLoading']", message: 'Use BusyButton of src/pf.' }],
    },
  },
  { files: ['scripts/*.mjs', 'dev/*.mjs'], rules: { 'max-lines': ['error', 600] } },
);
