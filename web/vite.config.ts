import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // A data: font or script would need a hole in the content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1600,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: page('index.html'), client: page('client.html'), docs: page('docs.html') },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:4180' } },
  test: { environment: 'node', setupFiles: ['src/testing/setup.ts'], include: ['src/**/*.test.{ts,tsx}'], css: false },
});
