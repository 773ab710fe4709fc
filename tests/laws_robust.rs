//! Whatever points come in, a fit ends in a report with warnings: never a panic, a hang or a number that JSON cannot
//! hold.

use proptest::prelude::*;
use std::time::{Duration, Instant};
use tunelab::laws::{Cell, Law, Options, Point, Report, Table, Warning, advise, crossover, fit, points_csv, transfer};

fn nasty() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => 1.0f64..1e4,
        2 => 0.5f64..5.0,
        1 => prop_oneof![
            Just(0.0), Just(-1.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::MIN_POSITIVE),
            Just(f64::MAX), Just(1e-300), Just(1e300), Just(5e-324), Just(64.0), Just(-0.0)
        ],
    ]
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = ("[ab]?", nasty(), nasty(), proptest::option::of(nasty()), proptest::option::of(nasty()));
    let point = point.prop_map(|(group, d, loss, n, unique)| Point { unique, n, ..Point::new(group, d, loss) });
    proptest::collection::vec(point, 0..30)
}

fn law() -> impl Strategy<Value = Option<Law>> {
    let one = |law| Just(Some(law));
    prop_oneof![
        Just(None),
        one(Law::Power),
        one(Law::PowerConstant),
        one(Law::Rectified),
        one(Law::Multiplicative),
        one(Law::Additive),
        one(Law::Repeated)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_points_give_a_report(points in points(), law in law(), holdout in 0usize..4) {
        let options = Options { law, holdout, draws: 25, backtest: true, ..Options::default() };
        let report = fit(&points, &options);
        let back = Report::from_json(&report.to_json());
        prop_assert!(back.is_ok(), "{:?}", back.err());
        report.to_text();
        report.to_csv();
        for group in &report.groups {
            prop_assert!(group.fit.is_some() || !group.warnings.is_empty());
            if let Some(fit) = &group.fit {
                advise(fit, group.noise.unwrap_or(0.01), (1e5, None), &[Cell { d: 100.0, n: None, cost: 1.0 }]);
                crossover(fit, fit, None);
            }
        }
        transfer(&points, &points);
    }

    #[test]
    fn a_fit_does_not_depend_on_the_order_of_points(seed in any::<u64>()) {
        let noise = |i: u64| ((seed.wrapping_mul(6364136223846793005).wrapping_add(i * 1442695040888963407) >> 33) as f64 / 2f64.powi(31) - 0.5) * 0.02;
        let points: Vec<Point> = (0..9).map(|i| {
            let d = 64.0 * 2f64.powi(i as i32);
            Point::new("g", d, (4.0 * d.powf(-0.3) + 1.0) * noise(i).exp()).of_run(i.to_string())
        }).collect();
        let reversed: Vec<Point> = points.iter().rev().cloned().collect();
        let options = Options { draws: 30, ..Options::default() };
        prop_assert_eq!(fit(&points, &options), fit(&reversed, &options));
        // Losses in other units scale the law and leave the exponent.
        let in_bits: Vec<Point> = points.iter().map(|p| Point { loss: p.loss * 1000.0, ..p.clone() }).collect();
        let exponent = |points: &[Point]| {
            let options = Options { law: Some(Law::Power), draws: 0, ..Options::default() };
            fit(points, &options).groups[0].fit.as_ref().unwrap().parameter("β").unwrap().value
        };
        prop_assert!((exponent(&points) - exponent(&in_bits)).abs() < 1e-6);
    }
}

#[test]
fn warnings_say_what_is_wrong() {
    let good = |i: i32| Point::new("", 64.0 * 2f64.powi(i), 4.0 * 0.9f64.powi(i));
    let warnings = |points: &[Point]| fit(points, &Options::default()).groups.remove(0).warnings;
    let mut points: Vec<Point> = (0..6).map(good).collect();
    points.extend([good(2), Point::new("", f64::NAN, 1.0), Point::new("", 64.0, -1.0), Point::new("", 0.0, 5.0)]);
    let found = warnings(&points);
    for expected in [
        Warning::Duplicates { points: 1 },
        Warning::NotFinite { points: 1 },
        Warning::NotPositive { points: 1 },
        Warning::ZeroShot { points: 1 },
        Warning::NoReplicates,
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    let one_size: Vec<Point> = (0..5).map(|i| Point::new("", 64.0, 2.0 + 0.01 * f64::from(i))).collect();
    let report = fit(&one_size, &Options::default());
    assert!(!report.groups[0].signal);
    assert!(report.groups[0].warnings.iter().any(|w| matches!(w, Warning::TooFewSizes { sizes: 1, .. })));
    let rising: Vec<Point> = (0..6).map(|i| Point::new("", 64.0 * 2f64.powi(i), 2.0 + 0.1 * f64::from(i))).collect();
    assert!(warnings(&rising).contains(&Warning::Rising));
    let wide = [Point::new("", 1e-9, 3.0), Point::new("", 1.0, 2.0), Point::new("", 1e9, 1.0)];
    assert!(warnings(&wide).iter().any(|w| matches!(w, Warning::Scale { .. })));
    assert_eq!(fit(&[], &Options::default()).groups, []);
    let joint = Options { law: Some(Law::Additive), ..Options::default() };
    let report = fit(&points, &joint);
    assert!(report.groups[0].warnings.iter().any(|w| matches!(w, Warning::NoFactor { .. })));
}

/// Clear falls, three seeds: nothing to warn of but what cannot be known.
#[test]
fn good_points_have_signal() {
    let points: Vec<Point> = (0..7)
        .flat_map(|i| (0..3).map(move |seed| (i, seed)))
        .map(|(i, seed)| {
            let d = 64.0 * 2f64.powi(i);
            let noise = 0.004 * (f64::from(i * 3 + seed) * 7.3).sin();
            Point::new("lora", d, 9.0 * d.powf(-0.25) * noise.exp()).of_run(seed.to_string())
        })
        .collect();
    let report = fit(&points, &Options { backtest: true, ..Options::default() });
    let group = &report.groups[0];
    assert!(group.signal, "{:?}", group.warnings);
    let fit = group.fit.as_ref().unwrap();
    assert_eq!(fit.law, Law::Power);
    assert!(fit.parameter("β").unwrap().interval.unwrap().contains(0.25));
    assert!(group.backtest.as_ref().unwrap().error_percent < 1.0);
    let samples = &fit.curves[0].samples;
    assert!(samples.iter().all(|s| s.lo <= s.mid && s.mid <= s.hi && s.trusted == (s.d <= 4.0 * 4096.0)));
    assert!(samples.iter().any(|s| !s.trusted));
}

#[test]
fn a_hundred_thousand_rows_end_in_time() {
    let start = Instant::now();
    let rows: Vec<Point> = (0..100_000u32)
        .map(|i| {
            let d = 10.0 + f64::from(i);
            Point::new("", d, (5.0 * d.powf(-0.2) + 0.5) * (0.01 * (f64::from(i) * 0.7).sin()).exp())
        })
        .collect();
    let report = fit(&rows, &Options { backtest: true, ..Options::default() });
    let fit_of_all = report.groups[0].fit.as_ref().unwrap();
    assert!((fit_of_all.predict(1e5, None).mid / (5.0 * 1e5f64.powf(-0.2) + 0.5) - 1.0).abs() < 0.01);
    // A wrongly chosen group column makes every row its own group.
    let groups: Vec<Point> =
        rows.iter().enumerate().map(|(i, p)| Point { group: i.to_string(), ..p.clone() }).collect();
    assert!(matches!(fit(&groups, &Options::default()).warnings[..], [Warning::TooManyGroups { given: 100_000, .. }]));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// What a fuzzer would try first; `fuzz/fuzz_targets/points.rs` goes on from here.
#[test]
fn nasty_files_are_refused_or_read() {
    let deep = "[".repeat(100_000);
    let wide = ",".repeat(5_000);
    let texts = [
        "",
        "\u{feff}",
        "\0",
        "a",
        "a,b",
        "a\n\n\n",
        "\"",
        "\"\"\"",
        "a,b\n\"1\n2\",3",
        "{",
        "[]",
        "{}",
        "[{}]",
        "null",
        "1e999",
        "[{\"a\":{\"b\":[1]}}]",
        "{\"a\":[{\"d\":1e999}]}",
        "d,loss\nNaN,inf\n-0,1e-320\n",
        "d;loss\n1,5;2\n",
        "\r\r\n,,\n,,",
        "d,loss\n1,2\n1,2,3\n",
        "loss,d,loss\n1,2,3\n",
        "д,loss,\u{202e}\n1,2,3\n",
        &deep,
        &wide,
    ];
    let mut read = 0;
    for text in texts {
        let Ok(table) = Table::parse(text) else { continue };
        read += 1;
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        if let Some(columns) = table.guess() {
            let points = table.points(&columns).unwrap();
            fit(&points, &Options { draws: 20, ..Options::default() });
            assert!(Table::parse(&points_csv(&points)).is_ok());
        }
    }
    assert!(read > 5);
}
