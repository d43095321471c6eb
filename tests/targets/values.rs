// SPDX-License-Identifier: MIT
// values.rs: calls with every kind of Rust parameter and result; see values.c.
#![allow(dead_code)]

use std::hint::black_box;
use std::io::{self, BufRead, Write};

#[derive(Clone, Copy)]
struct Point {
    x: i32,
    y: i32,
}

struct Named {
    id: u64,
    name: String,
    at: Point,
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    Red,
    Green = 5,
}

#[derive(Clone, Copy)]
enum Shape {
    Circle(u32),
    Rect { w: i64, h: i64 },
    Nothing,
}

mod v {
    use super::*;

    #[inline(never)]
    pub fn ints(a: i8, b: u8, c: i16, d: u16, e: i32, f: u32) -> i8 {
        black_box((a, b, c, d, e, f)).0
    }

    #[inline(never)]
    pub fn longs(a: i64, b: u64, c: isize, d: usize) -> u64 {
        black_box((a, b, c, d)).1
    }

    #[inline(never)]
    pub fn others(a: bool, b: char) -> char {
        black_box((a, b)).1
    }

    #[inline(never)]
    pub fn floats(a: f64, n: i32) -> f64 {
        black_box((a, n)).0
    }

    #[inline(never)]
    pub fn text(s: &str, n: i32) -> &str {
        black_box((s, n)).0
    }

    #[inline(never)]
    pub fn string(s: String) -> String {
        // something of its own, or it is merged with the next function that only moves 24 bytes
        black_box(s.as_str());
        s
    }

    #[inline(never)]
    pub fn borrowed(s: &String, p: &Point, n: &mut i32) -> usize {
        *n += 1;
        black_box((s, p)).0.len()
    }

    #[inline(never)]
    pub fn slice(a: &[u16], b: &[&str]) -> usize {
        black_box((a, b)).0.len()
    }

    #[inline(never)]
    pub fn vector(v: Vec<i32>, r: &Vec<String>) -> Vec<i32> {
        black_box(r);
        black_box(v)
    }

    #[inline(never)]
    pub fn array(a: [i32; 5]) -> [i32; 5] {
        black_box(a)
    }

    #[inline(never)]
    pub fn option(a: Option<i32>, b: Option<&str>) -> Option<i32> {
        black_box((a, b)).0
    }

    #[inline(never)]
    pub fn option_box(a: Option<Box<Point>>) -> bool {
        black_box(a).is_some()
    }

    #[inline(never)]
    pub fn result(fail: bool) -> Result<i32, String> {
        if black_box(fail) {
            Err(String::from("did not work"))
        } else {
            Ok(17)
        }
    }

    #[inline(never)]
    pub fn small_result(code: u32) -> Result<u32, u32> {
        if black_box(code) > 100 {
            Err(code)
        } else {
            Ok(code)
        }
    }

    #[inline(never)]
    pub fn boxed(p: Box<Point>, n: Box<i64>) -> Box<i64> {
        black_box(p);
        black_box(n)
    }

    #[inline(never)]
    pub fn colour(c: Colour) -> Colour {
        black_box(c)
    }

    #[inline(never)]
    pub fn shape(s: Shape) -> Shape {
        black_box(s)
    }

    #[inline(never)]
    pub fn point(p: Point) -> Point {
        black_box(p)
    }

    #[inline(never)]
    pub fn tuple(t: (i32, u64)) -> (i32, u64) {
        black_box(t)
    }

    #[inline(never)]
    pub fn named(n: &Named) -> u64 {
        black_box(n).id
    }

    #[inline(never)]
    pub fn unit() {
        black_box(())
    }
}

impl Point {
    #[inline(never)]
    pub fn shift(&mut self, by: i32) {
        self.x += black_box(by);
    }
}

fn text_calls(said: &mut Vec<String>) {
    let long = "l".repeat(300);

    v::text("hello", 1);
    said.push(r#"{"function":"values_rs::v::text","args":{"s":"hello","n":1},"return":"hello"}"#.into());
    v::text("", 2);
    said.push(r#"{"function":"values_rs::v::text","args":{"s":"","n":2},"return":""}"#.into());
    v::text("grüße €", 3);
    said.push(r#"{"function":"values_rs::v::text","args":{"s":"grüße €","n":3},"return":"grüße €"}"#.into());
    v::text(&long, 4);
    let cut = format!(r#"{{"value":"{}","truncated":true,"length":300}}"#, &long[..128]);
    said.push(format!(r#"{{"function":"values_rs::v::text","args":{{"s":{cut},"n":4}},"return":{cut}}}"#));
    v::string("owned text".to_string());
    said.push(r#"{"function":"values_rs::v::string","args":{"s":"owned text"},"return":"owned text"}"#.into());
    let (s, p, mut n) = ("a String".to_string(), Point { x: 1, y: -2 }, 41);
    v::borrowed(&s, &p, &mut n);
    said.push(r#"{"function":"values_rs::v::borrowed","args":{"s":"a String","p":{"x":1,"y":-2},"n":41},"return":8}"#.into());
}

fn list_calls(said: &mut Vec<String>) {
    v::slice(&[1, 2, 65535], &["one", "two"]);
    said.push(r#"{"function":"values_rs::v::slice","args":{"a":[1,2,65535],"b":["one","two"]},"return":3}"#.into());
    v::slice(&[], &[]);
    said.push(r#"{"function":"values_rs::v::slice","args":{"a":[],"b":[]},"return":0}"#.into());
    v::vector(vec![4, -5], &vec!["six".to_string(), "seven".to_string()]);
    said.push(r#"{"function":"values_rs::v::vector","args":{"v":[4,-5],"r":["six","seven"]},"return":[4,-5]}"#.into());
    v::array([7, 8, -9, 10, 11]);
    said.push(r#"{"function":"values_rs::v::array","args":{"a":[7,8,-9,10,11]},"return":[7,8,-9,10,11]}"#.into());
    v::tuple((-1, 1 << 40));
    said.push(r#"{"function":"values_rs::v::tuple","args":{"t":[-1,1099511627776]},"return":[-1,1099511627776]}"#.into());
}

fn enum_calls(said: &mut Vec<String>) {
    v::option(Some(5), Some("there"));
    said.push(r#"{"function":"values_rs::v::option","args":{"a":{"Some":5},"b":{"Some":"there"}},"return":{"Some":5}}"#.into());
    v::option(None, None);
    said.push(r#"{"function":"values_rs::v::option","args":{"a":"None","b":"None"},"return":"None"}"#.into());
    v::option_box(Some(Box::new(Point { x: 3, y: 4 })));
    said.push(r#"{"function":"values_rs::v::option_box","args":{"a":{"Some":{"x":3,"y":4}}},"return":true}"#.into());
    v::option_box(None);
    said.push(r#"{"function":"values_rs::v::option_box","args":{"a":"None"},"return":false}"#.into());
    let _ = v::result(false);
    said.push(r#"{"function":"values_rs::v::result","args":{"fail":false},"return":{"Ok":17}}"#.into());
    let _ = v::result(true);
    said.push(r#"{"function":"values_rs::v::result","args":{"fail":true},"return":{"Err":"did not work"},"failed":true}"#.into());
    let _ = v::small_result(7);
    said.push(r#"{"function":"values_rs::v::small_result","args":{"code":7},"return":{"Ok":7}}"#.into());
    let _ = v::small_result(404);
    said.push(r#"{"function":"values_rs::v::small_result","args":{"code":404},"return":{"Err":404},"failed":true}"#.into());
    v::colour(Colour::Green);
    said.push(r#"{"function":"values_rs::v::colour","args":{"c":"Green"},"return":"Green"}"#.into());
    v::colour(Colour::Red);
    said.push(r#"{"function":"values_rs::v::colour","args":{"c":"Red"},"return":"Red"}"#.into());
    v::shape(Shape::Circle(9));
    said.push(r#"{"function":"values_rs::v::shape","args":{"s":{"Circle":9}},"return":{"Circle":9}}"#.into());
    v::shape(Shape::Rect { w: 2, h: -3 });
    said.push(r#"{"function":"values_rs::v::shape","args":{"s":{"Rect":{"w":2,"h":-3}}},"return":{"Rect":{"w":2,"h":-3}}}"#.into());
    v::shape(Shape::Nothing);
    said.push(r#"{"function":"values_rs::v::shape","args":{"s":"Nothing"},"return":"Nothing"}"#.into());
}

fn plain_calls(said: &mut Vec<String>) {
    v::ints(i8::MIN, u8::MAX, i16::MIN, u16::MAX, i32::MIN, u32::MAX);
    said.push(r#"{"function":"values_rs::v::ints","args":{"a":-128,"b":255,"c":-32768,"d":65535,"e":-2147483648,"f":4294967295},"return":-128}"#.into());
    v::longs(i64::MIN, u64::MAX, -1, 1);
    said.push(r#"{"function":"values_rs::v::longs","args":{"a":"-9223372036854775808","b":"18446744073709551615","c":-1,"d":1},"return":"18446744073709551615"}"#.into());
    v::others(true, '€');
    said.push(r#"{"function":"values_rs::v::others","args":{"a":true,"b":"€"},"return":"€"}"#.into());
    v::floats(0.5, 3);
    said.push(r#"{"function":"values_rs::v::floats","args":{"a":{"unavailable":"register"},"n":3},"return":{"unavailable":"register"}}"#.into());
    v::boxed(Box::new(Point { x: 5, y: 6 }), Box::new(-7));
    said.push(r#"{"function":"values_rs::v::boxed","args":{"p":{"x":5,"y":6},"n":-7},"return":-7}"#.into());
    let mut p = v::point(Point { x: 8, y: -9 });
    said.push(r#"{"function":"values_rs::v::point","args":{"p":{"x":8,"y":-9}},"return":{"x":8,"y":-9}}"#.into());
    p.shift(2);
    said.push(r#"{"function":"values_rs::Point::shift","args":{"self":{"x":8,"y":-9},"by":2}}"#.into());
    v::named(&Named { id: 1, name: "full".to_string(), at: p });
    said.push(r#"{"function":"values_rs::v::named","args":{"n":{"id":1,"name":"full","at":{"x":10,"y":-9}}},"return":1}"#.into());
    v::unit();
    said.push(r#"{"function":"values_rs::v::unit","args":{}}"#.into());
}

fn main() {
    let mut input = io::stdin().lock().lines();
    let mut said = Vec::new();

    println!("ready");
    input.next();
    plain_calls(&mut said);
    text_calls(&mut said);
    list_calls(&mut said);
    enum_calls(&mut said);
    println!("{{\"target\":\"values\",\"varies\":true,\"said\":[{}]}}", said.join(",\n"));
    io::stdout().flush().unwrap();
    input.next();
}
