// @vitest-environment jsdom
import { fireEvent, screen } from '@testing-library/react';
import { lazy, Suspense } from 'react';
import { Link, Route, Routes, useLocation } from 'react-router';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { show } from '../testing/page';
import { PageBoundary } from './PageBoundary';

const Missing = lazy(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module')));
function Wrong(): never {
  throw new Error('cannot be drawn');
}

function Site() {
  const at = useLocation().pathname;
  return (
    <PageBoundary at={at} around={(page) => <nav><Link to="/">home</Link>{page}</nav>}>
      <Suspense fallback="loading">
        <Routes>
          <Route index element={<p>all is well</p>} />
          <Route path="missing" element={<Missing />} />
          <Route path="wrong" element={<Wrong />} />
        </Routes>
      </Suspense>
    </PageBoundary>
  );
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));

describe('a page that fails', () => {
  it.each(['/missing', '/wrong'])('leaves the frame, and offers to reload: %s', async (path) => {
    show(<Site />, path);
    await screen.findByText('This page could not be shown');
    expect(screen.getByText('Reload')).toBeTruthy();
    fireEvent.click(screen.getByText('home'));
    await screen.findByText('all is well');
  });
});
