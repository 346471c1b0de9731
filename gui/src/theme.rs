//! Every colour and size of the app. Nothing else names one.

use eframe::egui::{
    self, Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, Theme,
    Vec2,
};

/// Height of the bar at the top, in points.
pub const TOP: f32 = 40.0;
/// Height of the status line at the bottom.
pub const STATUS: f32 = 24.0;
/// Width of the rail with the names of the screens.
pub const RAIL: f32 = 168.0;
/// Width of the rail when the window is narrow.
pub const RAIL_NARROW: f32 = 48.0;
/// Below this width of the window the rail shows icons alone.
pub const NARROW: f32 = 1100.0;
/// Width of the column beside a chart.
pub const SIDE: f32 = 300.0;
/// Height of a table's row.
pub const ROW: f32 = 24.0;
/// Height of a line with a button in it.
pub const BUTTON: f32 = 30.0;
/// Height of a card with one number.
pub const CARD: f32 = 72.0;
/// Space between things.
pub const GAP: f32 = 8.0;
/// Space around a page.
pub const PAGE: i8 = 16;
/// Space inside a card.
pub const PAD: i8 = 12;
/// Width of a dialog.
pub const DIALOG: f32 = 480.0;

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Behind everything.
    pub bg: Color32,
    /// Bars and rails.
    pub panel: Color32,
    /// Cards, tables, charts.
    pub card: Color32,
    /// What the pointer is on.
    pub hover: Color32,
    /// Lines between things.
    pub stroke: Color32,
    /// What is read first.
    pub text: Color32,
    /// Labels.
    pub text2: Color32,
    /// Asides.
    pub text3: Color32,
    /// Selection, focus, links.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// All is well.
    pub ok: Color32,
    /// Look at it.
    pub warn: Color32,
    /// Act now.
    pub crit: Color32,
    /// Not running, not known.
    pub idle: Color32,
    /// Money gained.
    pub profit: Color32,
    /// Money lost.
    pub loss: Color32,
    /// Lines of a chart, told apart by people with any colour vision (after Okabe and Ito).
    pub series: [Color32; 6],
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that names colours")]
const fn rgb(code: u32) -> Color32 {
    let [_, red, green, blue] = code.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// For dark rooms.
pub const DARK: Tokens = Tokens {
    bg: rgb(0x0F_1216),
    panel: rgb(0x15_1A20),
    card: rgb(0x1B_2129),
    hover: rgb(0x25_2D38),
    stroke: rgb(0x32_3C49),
    text: rgb(0xE7_EAEE),
    text2: rgb(0xAE_B6C2),
    text3: rgb(0x8A_95A4),
    accent: rgb(0x7A_B8FF),
    on_accent: rgb(0x0F_1216),
    ok: rgb(0x3D_C9A3),
    warn: rgb(0xF2_B544),
    crit: rgb(0xFF_5C7A),
    idle: rgb(0x8A_95A4),
    profit: rgb(0x4C_C3F0),
    loss: rgb(0xF2_994A),
    series: [
        rgb(0x56_B4E9),
        rgb(0xE6_9F00),
        rgb(0x2F_B98C),
        rgb(0xF0_E442),
        rgb(0xCC_79A7),
        rgb(0xD5_5E00),
    ],
};

/// For bright rooms.
pub const LIGHT: Tokens = Tokens {
    bg: rgb(0xF4_F5F7),
    panel: rgb(0xFF_FFFF),
    card: rgb(0xFA_FBFC),
    hover: rgb(0xE9_ECF0),
    stroke: rgb(0xC9_CFD8),
    text: rgb(0x14_181D),
    text2: rgb(0x47_505C),
    text3: rgb(0x5C_6570),
    accent: rgb(0x0B_5FC0),
    on_accent: rgb(0xFF_FFFF),
    ok: rgb(0x0A_765A),
    warn: rgb(0x8A_5A00),
    crit: rgb(0xB3_261E),
    idle: rgb(0x5C_6570),
    profit: rgb(0x00_669E),
    loss: rgb(0xA8_4B00),
    series: [
        rgb(0x00_72B2),
        rgb(0xA8_6E00),
        rgb(0x00_7A57),
        rgb(0x7A_7000),
        rgb(0xA0_4E80),
        rgb(0xB3_4A00),
    ],
};

/// The colours in use.
pub fn of(ctx: &Context) -> Tokens {
    if ctx.global_style().visuals.dark_mode { DARK } else { LIGHT }
}

/// Gives egui both themes, the sizes and the fonts.
pub fn install(ctx: &Context) {
    for (theme, tokens) in [(Theme::Dark, DARK), (Theme::Light, LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            text_styles(style);
            spacing(style);
            visuals(&mut style.visuals, &tokens);
        });
    }
}

/// Large numbers of a card.
pub fn figure() -> TextStyle {
    TextStyle::Name("figure".into())
}

/// Captions under things.
pub fn caption() -> TextStyle {
    TextStyle::Small
}

fn text_styles(style: &mut egui::Style) {
    let mut set = |name: TextStyle, size: f32, family: FontFamily| {
        style.text_styles.insert(name, FontId::new(size, family));
    };
    set(TextStyle::Body, 14.0, FontFamily::Proportional);
    set(TextStyle::Button, 14.0, FontFamily::Proportional);
    set(TextStyle::Small, 12.0, FontFamily::Proportional);
    set(TextStyle::Heading, 18.0, FontFamily::Proportional);
    set(TextStyle::Monospace, 13.0, FontFamily::Monospace);
    set(figure(), 22.0, FontFamily::Monospace);
}

fn spacing(style: &mut egui::Style) {
    style.spacing.item_spacing = Vec2::splat(GAP);
    style.spacing.button_padding = Vec2::new(10.0, 4.0);
    style.spacing.interact_size = Vec2::new(24.0, 24.0);
    style.spacing.window_margin = Margin::same(PAGE);
    // Nothing moves by itself: a screen that changes slowly after the fact repaints for nothing.
    style.animation_time = 0.0;
    style.interaction.tooltip_delay = 0.3;
}

fn visuals(visuals: &mut egui::Visuals, tokens: &Tokens) {
    let corner = CornerRadius::same(6);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(tokens.text3);
    visuals.panel_fill = tokens.bg;
    visuals.window_fill = tokens.panel;
    visuals.window_stroke = Stroke::new(1.0, tokens.stroke);
    visuals.window_corner_radius = corner;
    visuals.menu_corner_radius = corner;
    visuals.window_shadow = egui::Shadow::NONE;
    visuals.popup_shadow = egui::Shadow::NONE;
    visuals.extreme_bg_color = tokens.bg;
    visuals.faint_bg_color = tokens.panel;
    visuals.code_bg_color = tokens.hover;
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.warn;
    visuals.error_fg_color = tokens.crit;
    visuals.selection.bg_fill = tokens.accent.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, tokens.text);
    let widgets = &mut visuals.widgets;
    let looks = [
        (&mut widgets.noninteractive, tokens.card, tokens.stroke, tokens.text2),
        (&mut widgets.inactive, tokens.hover, tokens.stroke, tokens.text),
        (&mut widgets.hovered, tokens.hover, tokens.accent, tokens.text),
        (&mut widgets.active, tokens.stroke, tokens.accent, tokens.text),
        (&mut widgets.open, tokens.hover, tokens.accent, tokens.text),
    ];
    for (look, fill, line, text) in looks {
        look.bg_fill = fill;
        look.weak_bg_fill = fill;
        look.bg_stroke = Stroke::new(1.0, line);
        look.fg_stroke = Stroke::new(1.0, text);
        look.corner_radius = corner;
        look.expansion = 0.0;
    }
    widgets.noninteractive.bg_fill = tokens.panel;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2.2 defines it.
    fn luminance(colour: Color32) -> f64 {
        let channel = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(colour.r()) + 0.7152 * channel(colour.g()) + 0.0722 * channel(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_signs_can_be_read_on_everything_they_stand_on() {
        for tokens in [DARK, LIGHT] {
            for ground in [tokens.bg, tokens.panel, tokens.card, tokens.hover] {
                for ink in [tokens.text, tokens.text2, tokens.text3, tokens.accent] {
                    let ratio = contrast(ink, ground);
                    assert!(ratio >= 4.5, "{ink:?} on {ground:?} has only {ratio:.2}");
                }
                for sign in [tokens.ok, tokens.warn, tokens.crit, tokens.profit, tokens.loss] {
                    let ratio = contrast(sign, ground);
                    assert!(ratio >= 4.5, "{sign:?} on {ground:?} has only {ratio:.2}");
                }
            }
            for line in tokens.series {
                let ratio = contrast(line, tokens.card);
                assert!(ratio >= 3.0, "the line {line:?} has only {ratio:.2}");
            }
            assert!(contrast(tokens.on_accent, tokens.accent) >= 4.5);
        }
    }

    /// How a colour looks without one kind of cone (Machado, Oliveira and Fernandes 2009, full
    /// severity), in linear light.
    fn seen(colour: Color32, matrix: [[f64; 3]; 3]) -> [f64; 3] {
        let channel = |byte: u8| (f64::from(byte) / 255.0).powf(2.2);
        let light = [channel(colour.r()), channel(colour.g()), channel(colour.b())];
        matrix.map(|row| row.iter().zip(light).map(|(weight, part)| weight * part).sum())
    }

    #[test]
    fn profit_and_loss_differ_for_every_colour_vision() {
        const PROTAN: [[f64; 3]; 3] = [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ];
        const DEUTAN: [[f64; 3]; 3] = [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ];
        const TRITAN: [[f64; 3]; 3] = [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ];
        for tokens in [DARK, LIGHT] {
            for matrix in [PROTAN, DEUTAN, TRITAN] {
                let (gain, loss) = (seen(tokens.profit, matrix), seen(tokens.loss, matrix));
                let distance: f64 =
                    gain.iter().zip(loss).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 0.2, "only {distance:.2} apart");
            }
        }
    }
}
