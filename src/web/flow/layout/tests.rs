//! A map that can be read: no box over another, no line through one, always the same.

use super::*;

/// 20 systems and 190 connections: 10 sources, 50 jobs that read one and make one dataset each, and readers.
fn large() -> (Vec<bool>, Vec<(usize, usize)>) {
    let (sources, jobs, readers) = (10, 50, 10);
    let job = |number: usize| sources + number;
    let dataset = |number: usize| sources + jobs + number;
    let reader = |number: usize| sources + 2 * jobs + number;
    let mut edges = Vec::new();
    for number in 0..jobs {
        edges.push((number * 7 % sources, job(number)));
        edges.push((job(number), dataset(number)));
        // Every third job is made from the dataset of an earlier one as well.
        if number % 3 == 0 && number > 0 {
            edges.push((dataset(number * 5 % number), job(number)));
        }
        edges.push((dataset(number), reader(number * 3 % readers)));
        if number % 2 == 0 {
            edges.push((dataset(number), reader((number * 3 + 4) % readers)));
        }
    }
    edges.truncate(190);
    let count = sources + 2 * jobs + readers;
    ((0..count).map(|node| node >= sources + 2 * jobs).collect(), edges)
}

fn layers_of(layout: &Layout) -> Vec<f64> {
    let mut columns: Vec<f64> = layout.boxes.iter().map(|(x, _)| *x).collect();
    columns.sort_by(f64::total_cmp);
    columns.dedup();
    columns
}

#[track_caller]
fn is_clear(layout: &Layout) {
    for (index, (x, y)) in layout.boxes.iter().enumerate() {
        assert!(*x >= 0.0 && x + BOX_WIDTH <= layout.width, "{index} lies outside");
        assert!(
            y - BOX_HEIGHT / 2.0 >= 0.0 && y + BOX_HEIGHT / 2.0 <= layout.height,
            "{index} lies outside"
        );
        for (other, (ox, oy)) in layout.boxes.iter().enumerate().skip(index + 1) {
            let apart = (x - ox).abs() >= BOX_WIDTH || (y - oy).abs() >= BOX_HEIGHT + ROW_GAP - 0.01;
            assert!(apart, "{index} and {other} overlap");
        }
    }
    for line in &layout.lines {
        for step in line.windows(2) {
            // From one layer to the next: a line bends only where no box is.
            assert!((step[1].0 - step[0].0 - BOX_WIDTH - LAYER_GAP).abs() < 0.01, "{line:?}");
        }
        let lanes = line.get(1..line.len().saturating_sub(1)).unwrap_or_default();
        for (x, y) in lanes {
            let through =
                |(bx, by): &&(f64, f64)| (bx - x).abs() < 0.01 && (by - y).abs() < BOX_HEIGHT / 2.0 + ROW_GAP / 2.0;
            assert_eq!(layout.boxes.iter().find(through), None, "a line runs through a box");
        }
    }
}

#[test]
fn no_box_covers_another_and_no_line_runs_through_one() {
    let (last, edges) = large();
    assert_eq!(edges.len(), 190);
    let layout = Layout::of(&last, &edges);
    is_clear(&layout);
    assert!(layout.lines.iter().any(|line| line.len() > 2), "some lines have lanes");
    assert!(layout.lines.iter().all(|line| line.len() >= 2));
}

#[test]
fn the_same_graph_gives_the_same_picture() {
    let (last, edges) = large();
    assert_eq!(Layout::of(&last, &edges), Layout::of(&last, &edges));
}

#[test]
fn data_flows_from_left_to_right_and_readers_stand_at_the_end() {
    let (last, edges) = large();
    let layout = Layout::of(&last, &edges);
    for (from, to) in &edges {
        assert!(layout.boxes[*from].0 < layout.boxes[*to].0, "{from} to {to}");
    }
    let columns = layers_of(&layout);
    let end = columns.last().unwrap();
    assert!(
        layout
            .boxes
            .iter()
            .zip(&last)
            .all(|((x, _), is_last)| ((x - end).abs() < 0.01) == *is_last)
    );
}

#[test]
fn crossed_pairs_are_put_in_order() {
    // 0 -> 5, 1 -> 4, 2 -> 3: in the order of numbers every two lines cross.
    let edges = [(0, 5), (1, 4), (2, 3)];
    let (mut layers, _) = Layers::of(&[false; 6], &edges);
    assert_eq!(layers.crossings(), 3);
    layers.sort();
    assert_eq!(layers.crossings(), 0);
}

#[test]
fn one_node_none_and_a_ring_are_no_trouble() {
    assert_eq!(Layout::of(&[], &[]).boxes.len(), 0);
    is_clear(&Layout::of(&[false], &[]));
    let ring = Layout::of(&[false; 3], &[(0, 1), (1, 2), (2, 0)]);
    is_clear(&ring);
    assert!(ring.lines[2].is_empty(), "what runs backwards is not drawn");
}

#[test]
fn levels_rise_and_stay_near_to_the_wishes() {
    assert_eq!(rising(&[1.0, 5.0, 3.0, 9.0]), [1.0, 4.0, 4.0, 9.0]);
    assert_eq!(rising(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
}
