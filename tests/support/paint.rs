//! Pictures of the app without a graphics card: the triangles that the window would draw, filled
//! by the processor. Integer edges and one order of work give the same bytes on every machine.

use eframe::egui::epaint::{ClippedPrimitive, ImageDelta, Mesh, Primitive, Vertex};
use eframe::egui::{Color32, Context, FullOutput, ImageData, Pos2, Rect, TextureId, TexturesDelta};
use egui_kittest::TestRenderer;
use image::{Rgb, RgbImage};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Steps of a pixel in which corners are placed.
const STEPS: f32 = 256.0;

/// Textures as the app last gave them; one half lives in the test's window, one in the test.
#[derive(Clone, Default)]
pub struct Paint(Rc<RefCell<BTreeMap<TextureId, Texture>>>);

#[derive(Default)]
struct Texture {
    size: [usize; 2],
    pixels: Vec<Color32>,
}

impl Texture {
    fn take(&mut self, part: &ImageDelta) {
        let ImageData::Color(image) = &part.image;
        let Some([left, top]) = part.pos else {
            *self = Self { size: image.size, pixels: image.pixels.clone() };
            return;
        };
        for (row, line) in image.pixels.chunks(image.size[0]).enumerate() {
            let start = (top + row) * self.size[0] + left;
            self.pixels[start..start + line.len()].copy_from_slice(line);
        }
    }
}

impl TestRenderer for Paint {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        let mut textures = self.0.borrow_mut();
        let parts =
            delta.set.drain().flat_map(|(id, parts)| parts.into_iter().map(move |p| (id, p)));
        for (id, part) in parts {
            textures.entry(id).or_default().take(&part);
        }
        delta.free.clear();
    }
}

impl Paint {
    /// What the last frame looks like.
    pub fn picture(&self, context: &Context, output: &FullOutput, ground: Color32) -> RgbImage {
        let scale = output.pixels_per_point;
        let size = context.content_rect().size() * scale;
        let [r, g, b, _] = ground.to_array();
        let mut picture = RgbImage::from_pixel(size.x as u32, size.y as u32, Rgb([r, g, b]));
        let textures = self.0.borrow();
        let shapes = context.tessellate(output.shapes.clone(), scale);
        for ClippedPrimitive { clip_rect, primitive } in shapes {
            let Primitive::Mesh(mesh) = primitive else { continue };
            if let Some(texture) = textures.get(&mesh.texture_id) {
                fill(&mut picture, &mesh, clip_rect * scale, scale, texture);
            }
        }
        picture
    }
}

fn fill(picture: &mut RgbImage, mesh: &Mesh, clip: Rect, scale: f32, texture: &Texture) {
    let whole =
        Rect::from_min_max(Pos2::ZERO, Pos2::new(picture.width() as f32, picture.height() as f32));
    let clip = Rect::from_min_max(clip.min.round(), clip.max.round()).intersect(whole);
    if !clip.is_positive() {
        return;
    }
    for corners in mesh.indices.chunks_exact(3) {
        let corner = |place: usize| mesh.vertices[corners[place] as usize];
        triangle(picture, [corner(0), corner(1), corner(2)], clip, scale, texture);
    }
}

/// A corner in steps of a pixel.
type At = (i64, i64);

/// Twice the area to the left of the way from `a` over `b` to `c`.
fn side(a: At, b: At, c: At) -> i64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

/// Whether a point right on this edge belongs to the triangle: to one of two neighbours only.
fn owns_edge(a: At, b: At) -> bool {
    b.1 < a.1 || (b.1 == a.1 && b.0 > a.0)
}

fn triangle(
    picture: &mut RgbImage,
    mut corners: [Vertex; 3],
    clip: Rect,
    scale: f32,
    texture: &Texture,
) {
    let place = |vertex: &Vertex| {
        let at = vertex.pos * scale * STEPS;
        (at.x.round() as i64, at.y.round() as i64)
    };
    if side(place(&corners[0]), place(&corners[1]), place(&corners[2])) < 0 {
        corners.swap(1, 2);
    }
    let [a, b, c] = [place(&corners[0]), place(&corners[1]), place(&corners[2])];
    let area = side(a, b, c);
    if area == 0 {
        return;
    }
    let step = STEPS as i64;
    let span = |least: i64, most: i64, from: f32, to: f32| {
        (least.div_euclid(step)).max(from as i64)..(most.div_euclid(step) + 1).min(to as i64)
    };
    let rows = span(a.1.min(b.1).min(c.1), a.1.max(b.1).max(c.1), clip.min.y, clip.max.y);
    let columns = span(a.0.min(b.0).min(c.0), a.0.max(b.0).max(c.0), clip.min.x, clip.max.x);
    let edges = [(b, c), (c, a), (a, b)];
    let even = is_even(&corners).then(|| shade(&corners, [1.0, 0.0, 0.0], texture));
    for y in rows {
        let first = (columns.start * step + step / 2, y * step + step / 2);
        let mut weights = edges.map(|(from, to)| side(from, to, first));
        for x in columns.clone() {
            if is_within(&weights, &edges) {
                let colour = even.unwrap_or_else(|| {
                    shade(&corners, weights.map(|weight| weight as f32 / area as f32), texture)
                });
                blend(picture.get_pixel_mut(x as u32, y as u32), colour);
            }
            for place in 0..3 {
                weights[place] -= (edges[place].1.1 - edges[place].0.1) * step;
            }
        }
    }
}

/// Whether all of a triangle has one colour.
fn is_even(corners: &[Vertex; 3]) -> bool {
    let [first, others @ ..] = corners;
    others.iter().all(|other| other.uv == first.uv && other.color == first.color)
}

fn is_within(weights: &[i64; 3], edges: &[(At, At); 3]) -> bool {
    for place in 0..3 {
        let (from, to) = edges[place];
        if weights[place] < 0 || (weights[place] == 0 && !owns_edge(from, to)) {
            return false;
        }
    }
    true
}

/// Colour of a point: that of the corners times that of the texture, both with alpha applied.
fn shade(corners: &[Vertex; 3], parts: [f32; 3], texture: &Texture) -> [f32; 4] {
    let mixed = |value: &dyn Fn(&Vertex) -> f32| -> f32 {
        corners.iter().zip(parts).map(|(corner, part)| value(corner) * part).sum()
    };
    let (u, v) = (mixed(&|corner| corner.uv.x), mixed(&|corner| corner.uv.y));
    let texel = texture.at(u, v);
    std::array::from_fn(|channel| {
        mixed(&|corner| f32::from(corner.color.to_array()[channel])) * texel[channel] / 255.0
    })
}

impl Texture {
    /// Mixed of the four nearest texels, as graphics cards do.
    fn at(&self, u: f32, v: f32) -> [f32; 4] {
        let (x, y) = (u * self.size[0] as f32 - 0.5, v * self.size[1] as f32 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_part, low_part) = (x - left, y - top);
        let texel = |x: f32, y: f32| -> [f32; 4] {
            let within = |at: f32, size: usize| (at.max(0.0) as usize).min(size - 1);
            let place = within(y, self.size[1]) * self.size[0] + within(x, self.size[0]);
            self.pixels[place].to_array().map(f32::from)
        };
        let corners = [
            (texel(left, top), (1.0 - right_part) * (1.0 - low_part)),
            (texel(left + 1.0, top), right_part * (1.0 - low_part)),
            (texel(left, top + 1.0), (1.0 - right_part) * low_part),
            (texel(left + 1.0, top + 1.0), right_part * low_part),
        ];
        std::array::from_fn(|channel| {
            corners.iter().map(|(colour, part)| colour[channel] * part).sum()
        })
    }
}

fn blend(pixel: &mut Rgb<u8>, colour: [f32; 4]) {
    let through = 1.0 - colour[3] / 255.0;
    for (below, above) in pixel.0.iter_mut().zip(colour) {
        *below = (above + f32::from(*below) * through).round().clamp(0.0, 255.0) as u8;
    }
}
