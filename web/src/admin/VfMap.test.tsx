// @vitest-environment jsdom
import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Pool, Vf } from '../api/types';
import { listOf, serve, show } from '../testing/page';
import { ForecastLine, PoolForecast, worstOf } from './PoolForecast';
import { cardsOf, VfMap } from './VfMap';

const vf = (pf: string, index: number, more: Partial<Vf> = {}): Vf =>
  ({ id: `${pf}-${index}`, pf, index, address: `0000:01:10.${index}`, state: 'free', mac: null, vlan: null, desktop_id: null, desktop_name: null, reason: null, since: null, drift: null, ...more }) as Vf;

const pool = (forecast: Pool['forecast']) => ({ id: 'p1', name: 'Office', forecast }) as Pool;

describe('the map of virtual functions', () => {
  it('has a row a physical function, in the order of its numbers', () => {
    const cards = cardsOf([vf('enp10s0', 0), vf('enp2s0', 11), vf('enp2s0', 2)]);
    expect(cards.map(([pf, of]) => [pf, of.map((one) => one.index)])).toEqual([
      ['enp2s0', [2, 11]],
      ['enp10s0', [0]],
    ]);
  });

  it('says state, owner, MAC, VLAN and what differs in words', () => {
    show(
      <VfMap
        vfs={[
          vf('enp2s0', 0),
          vf('enp2s0', 1, { state: 'assigned', desktop_id: 'd1', desktop_name: 'office-k1', mac: '52:54:01:00:00:01', vlan: 120, drift: 'vf-vlan' }),
          vf('enp2s0', 2, { state: 'quarantine', reason: 'released', drift: 'vf-reset-failed' }),
          vf('enp2s0', 3, { state: 'lost', reason: 'vanished' }),
        ]}
      />,
    );
    const cells = within(screen.getByRole('list', { name: 'enp2s0' })).getAllByRole('listitem').map((cell) => cell.textContent);
    expect(cells[0]).toContain('free');
    expect(cells[1]).toContain('assigned');
    expect(cells[1]).toContain('52:54:01:00:00:01');
    expect(cells[1]).toContain('VLAN 120');
    expect(cells[1]).toContain('another VLAN');
    expect(cells[2]).toContain('given back');
    expect(cells[2]).toContain('cannot be reset');
    expect(cells[3]).toContain('lost');
    expect(screen.getByRole('link', { name: 'office-k1' }).getAttribute('href')).toBe('/admin/desktops/d1');
    expect(screen.getByText(/free 1 ·.*assigned 1 ·.*quarantine 1 ·.*lost 1/)).toBeTruthy();
  });
});

describe('the forecast of a pool', () => {
  const forecast = [
    { module_id: 'm1', law: 'law-slots', needs: 120, free: 100 },
    { module_id: 'm1', law: 'law-vf', needs: 120, free: 26 },
  ];

  it('names each law with its numbers and the module', async () => {
    serve({ 'GET /modules': listOf({ id: 'm1', name: 'module-1' }) });
    show(<PoolForecast pool={pool(forecast)} />);
    expect(await screen.findByText('module-1: Virtual functions: needs 120, 26 free')).toBeTruthy();
    expect(screen.getByText('module-1: Desktop slots: needs 120, 100 free')).toBeTruthy();
  });

  it('has the largest lack in one line, and says when there is enough', () => {
    expect(worstOf(forecast)?.law).toBe('law-vf');
    show(<ForecastLine pool={pool(forecast)} />);
    expect(screen.getByText('Virtual functions: needs 120, 26 free')).toBeTruthy();
    show(<ForecastLine pool={pool([])} />);
    expect(screen.getByText('Enough for all')).toBeTruthy();
  });

  it('knows no law that it cannot name', () => {
    show(<ForecastLine pool={pool([{ module_id: 'm1', law: 'law-later', needs: 2, free: 1 }])} />);
    expect(screen.getByText('law-later: needs 2, 1 free')).toBeTruthy();
  });
});
