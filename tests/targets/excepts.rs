// SPDX-License-Identifier: MIT
// excepts.rs: Rust panics on all their ways; see excepts.cc. Built with panic=abort too.
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::panic;

const LITERAL_LINE: u32 = line!() + 4;
#[inline(never)]
fn r5(n: i32) -> i32 {
    if black_box(n) == 1 {
        panic!("literal words")
    }
    n
}

macro_rules! frame {
    ($name:ident, $below:ident) => {
        #[inline(never)]
        fn $name(n: i32) -> i32 {
            black_box($below(n)) + 1
        }
    };
}
frame!(r4, r5);
frame!(r3, r4);
frame!(r2, r3);
frame!(r1, r2);

struct Guard(i32);

impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        black_box(self.0);
    }
}

#[inline(never)]
fn guarded(n: i32) -> i32 {
    let _g = Guard(n);
    black_box(r5(n)) + 1
}

#[inline(never)]
fn format(n: i32) -> i32 {
    if black_box(n) > 0 {
        panic!("n is {} of {}", n, "seven")
    }
    n
}

#[inline(never)]
fn unwrap_err(n: i32) -> i32 {
    let r: Result<i32, String> = if black_box(n) > 0 { Err("bad".to_string()) } else { Ok(n) };
    r.unwrap()
}

#[inline(never)]
fn unwrap_none(n: i32) -> i32 {
    let o = if black_box(n) > 0 { None } else { Some(n) };
    o.unwrap()
}

#[inline(never)]
fn expect_none(n: i32) -> i32 {
    let o = if black_box(n) > 0 { None } else { Some(n) };
    o.expect("nothing was there")
}

#[inline(never)]
fn index(n: i32) -> i32 {
    let v = black_box(vec![1, 2, 3]);
    v[n as usize]
}

#[inline(never)]
fn divide(n: i32) -> i32 {
    100 / black_box(n)
}

#[inline(never)]
fn any_value(n: i32) -> i32 {
    if black_box(n) > 0 {
        panic::panic_any(42i32)
    }
    n
}

#[inline(never)]
fn again(n: i32) -> i32 {
    match panic::catch_unwind(|| r5(n)) {
        Ok(v) => v,
        Err(e) => panic::resume_unwind(e),
    }
}

#[inline(never)]
fn catch(f: fn(i32) -> i32, n: i32) -> bool {
    panic::catch_unwind(|| f(n)).is_err()
}

fn caught() -> Vec<String> {
    let rows: [(fn(i32) -> i32, i32, &str, &str); 9] = [
        (r1, 1, r#""literal words""#, "excepts_rs::r5 excepts_rs::r4 excepts_rs::r3 excepts_rs::r2 excepts_rs::r1"),
        (guarded, 1, r#""literal words""#, "excepts_rs::r5 excepts_rs::guarded"),
        (format, 7, r#""n is 7 of seven""#, "excepts_rs::format"),
        (unwrap_err, 1, r#""called `Result::unwrap()` on an `Err` value: \"bad\"""#, "excepts_rs::unwrap_err"),
        (unwrap_none, 1, r#""called `Option::unwrap()` on a `None` value""#, "excepts_rs::unwrap_none"),
        (expect_none, 1, r#""nothing was there""#, "excepts_rs::expect_none"),
        (index, 7, r#""index out of bounds: the len is 3 but the index is 7""#, "excepts_rs::index"),
        (divide, 0, r#""attempt to divide by zero""#, "excepts_rs::divide"),
        (any_value, 1, r#"{"unavailable":"*"}"#, "excepts_rs::any_value"),
    ];
    let mut said = Vec::new();

    for (f, n, message, frames) in rows {
        assert!(catch(f, n));
        let line = if frames.starts_with("excepts_rs::r5") { format!(r#","line":{LITERAL_LINE},"told_line":{LITERAL_LINE}"#) } else { String::new() };
        said.push(format!(
            r#"{{"message":{message},"outcome":"caught","caught_in":"excepts_rs::catch","frames":"{frames}"{line}}}"#
        ));
    }
    assert!(!catch(r1, 0));
    assert!(catch(again, 1));
    said.push(r#"{"message":"literal words","outcome":"caught","caught_in":"excepts_rs::again","frames":"excepts_rs::r5"}"#.to_string());
    said.push(r#"{"outcome":"caught","caught_in":"excepts_rs::catch","rethrown":true,"frames":"excepts_rs::again"}"#.to_string());
    // what a thread lets out, the one that joins it gets
    for i in 0..3 {
        assert!(std::thread::spawn(move || format(10 + i)).join().is_err());
        said.push(format!(r#"{{"message":"n is {} of seven","outcome":"caught","frames":"excepts_rs::format"}}"#, 10 + i));
    }
    said
}

fn print(said: &[String]) {
    println!("{{\"target\":\"excepts\",\"varies\":true,\"said\":[{}]}}", said.join(",\n"));
    io::stdout().flush().unwrap();
}

fn main() {
    let mut input = io::stdin().lock().lines();
    let mode = std::env::args().nth(3).unwrap_or_default();

    println!("ready");
    input.next();
    match mode.as_str() {
        "uncaught" => {
            let frames = "excepts_rs::r5 excepts_rs::r4 excepts_rs::r3 excepts_rs::r2 excepts_rs::r1";
            print(&[format!(r#"{{"message":"literal words","outcome":"uncaught","frames":"{frames}","line":{LITERAL_LINE},"told_line":{LITERAL_LINE}}}"#)]);
            r1(1);
        }
        "unwrap" => {
            print(&[r#"{"message":"called `Option::unwrap()` on a `None` value","outcome":"uncaught","frames":"excepts_rs::unwrap_none"}"#.into()]);
            unwrap_none(1);
        }
        _ => {
            print(&caught());
            input.next();
        }
    }
}
